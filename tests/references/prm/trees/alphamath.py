"""Chen et al. 2024: PUCT over steps; V of what is expanded, +-1 of answers."""

import math

from tests.references.prm.trees import above, shut

CASES = [{}, {"exploration": 0.1}]
SIZES = {"iterations": 7, "children": 3, "depth": 3, "step_tokens": 3, "paths": 3}


def alphamath(
  world, *, iterations, children, depth, step_tokens, paths, exploration=1.5
):
  """Q of the nodes along the first right and wrong paths."""
  del depth, step_tokens  # the world's
  root = {"node": world.root, "up": None, "kids": [], "w": 0.0, "n": 0, "shut": False}
  nodes = [root]

  def score(kid):
    q = kid["w"] / kid["n"] if kid["n"] else 0.0
    p = kid["node"].likelihood
    return q + exploration * p * math.sqrt(kid["up"]["n"]) / (1 + kid["n"])

  for _ in range(iterations):
    if root["shut"]:
      break
    place = root
    while place["kids"]:
      place = max((kid for kid in place["kids"] if not kid["shut"]), key=score)
    number = nodes.index(place)
    for made in world.steps(number, place["node"], children):
      kid = {"node": made, "up": place, "kids": [], "w": 0.0, "n": 0}
      kid["shut"] = made.terminal
      place["kids"].append(kid)
    nodes += place["kids"]
    gains = [(place, world.value(place["node"]))]
    gains += [
      (kid, 1.0 if kid["node"].outcome == 1 else -1.0)
      for kid in place["kids"]
      if kid["node"].terminal
    ]
    for start, gain in gains:
      for one in above(start):
        one["w"] += gain
        one["n"] += 1
    shut(place)
  found, left = [], {0.0: paths, 1.0: paths}
  for leaf in nodes:
    outcome = leaf["node"].outcome
    if leaf["node"].texts and left.get(outcome, 0):
      left[outcome] -= 1
      q = {len(one["node"].texts): one for one in reversed([*above(leaf)])}
      values = [q[t]["w"] / q[t]["n"] for t in sorted(q)]
      found.append((leaf["node"].texts, values))
  return found
