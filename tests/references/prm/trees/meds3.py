"""Jiang et al. 2025: shares of right continuations, mixed on the way up."""

import math

from tests.references.prm.trees import above

CASES = [{"refine": "?!"}, {"keep": 0.0, "exploration": 0.5}, {"refine": ""}]
SIZES = {"nodes": 15, "depth": 3, "step_tokens": 3}


def meds3(
  world,
  *,
  nodes,
  depth,
  step_tokens,
  keep=0.5,
  exploration=2.0,
  refine="\nLet me check this again.\n",
):
  """V of the nodes along all paths to right and wrong ends; none of one kind alone."""
  del depth, step_tokens

  def share(number, node):
    if node.terminal:
      return node.outcome
    count = max(20 // (len(node.texts) + 1), 5)
    return sum(r.outcome for r in world.rollouts(number, node, count)) / count

  def again(node):
    wrong = node.ended and node.outcome == 0 and len(node.texts) > 0
    new = refine != "" and refine not in "".join(node.texts)
    return wrong and new and world.fits(node, refine)

  tree = [{"node": world.root, "up": None, "kids": [], "n": 0, "end": False}]
  tree[0]["v"] = share(0, world.root)

  def score(kid):
    if kid["end"]:
      return -1.0
    if kid["n"] == 0:
      return 5.0
    return kid["v"] + exploration * math.sqrt(math.log(kid["up"]["n"]) / kid["n"])

  for _ in range(nodes // 3):
    right = [x for x in tree if x["node"].outcome == 1 and x["node"].texts]
    if is_shut(tree[0]) or len(right) >= 4:
      break
    place = tree[0]
    while place["kids"]:
      place = max(place["kids"], key=score)
    if not place["end"]:
      number, node = tree.index(place), place["node"]
      node = world.refined(node, refine) if again(node) else node
      for k, made in enumerate(world.steps(number, node, 3)):
        kid = {"node": made, "up": place, "kids": [], "n": 0}
        kid["v"] = share(1 + number * 3 + k, made)
        kid["end"] = made.terminal and not again(made)
        place["kids"].append(kid)
      tree += place["kids"]
    for one in above(place):
      one["n"] += 1
    for one in above(place):
      total = sum(kid["n"] for kid in one["kids"])
      if total:
        mean = sum(kid["n"] * kid["v"] for kid in one["kids"]) / total
        one["v"] = keep * one["v"] + (1 - keep) * mean
  return paths(tree)


def is_shut(x):
  """Whether nothing below a node is open."""
  return x["end"] or (bool(x["kids"]) and all(map(is_shut, x["kids"])))


def paths(tree):
  """Values along the paths to four right ends and to all wrong ones."""
  ends = [x for x in tree if x["node"].texts and x["node"].outcome in (0, 1)]
  right = [x for x in ends if x["node"].outcome == 1][:4]
  ends = [x for x in ends if x["node"].outcome == 0 or x in right]
  both = {x["node"].outcome for x in ends} == {0.0, 1.0}
  found = []
  for end in ends:
    v = {len(one["node"].texts): one["v"] for one in reversed([*above(end)])}
    values = [v[t] if both else math.nan for t in sorted(v)]
    found.append((end["node"].texts, values))
  return found
