"""Zhang et al. 2025: rollouts of checked steps; sums that fade on the way up."""

import math

from tests.references.prm.trees import above, shut
from tests.references.search.groundedprm import rollout_return

CASES = [{}, {"exploration": 0.2}]
SIZES = {"rounds": 6, "children": 3, "paths": 2, "step_tokens": 3}


def groundedprm(world, *, rounds, children, paths, step_tokens, exploration=1.414):
  """Sums along the start's path, then the checks of the rolled steps, F at the end."""
  del step_tokens
  root = {"node": world.root, "up": None, "kids": [], "sum": 0.0, "n": 0, "shut": False}
  tree, rolled = [root], []
  for _ in range(rounds):
    right = sum(whole.outcome == 1 for _, whole, _ in rolled)
    if root["shut"] or (right >= paths and len(rolled) - right >= paths):
      break
    sign = 1 if right < paths else -1
    place = root
    while place["kids"]:

      def score(kid, parent=place, sign=sign):
        q = sign * kid["sum"] / max(kid["n"], 1)
        return q + exploration * math.sqrt(math.log(parent["n"] + 1) / (kid["n"] + 1))

      place = max((kid for kid in place["kids"] if not kid["shut"]), key=score)
    number, words = tree.index(place), []
    for made in world.steps(number, place["node"], children):
      kid = {"node": made, "up": place, "kids": [], "sum": 0.0, "n": 0}
      kid["shut"] = made.terminal
      place["kids"].append(kid)
      word = world.checks(made)[-1] if made.texts else 0.0
      words.append(0.0 if math.isnan(word) else word)
    tree += place["kids"]
    k = words.index(max(words))
    start = place["kids"][k]
    whole = start["node"]
    if not whole.terminal:
      whole = world.rollouts(1 + number * children + k, whole, 1)[0]
    before = len(start["node"].texts)
    texts = whole.texts[: before + 5]
    ended = whole.ended and len(whole.texts) == len(texts)
    final = 1.0 if ended and whole.outcome == 1 else -1.0
    values = world.checks(world.short(whole, len(texts)))[before:]
    checks = [v for v in values[:-1] if not math.isnan(v)]
    u = rollout_return(checks, final)
    if values:
      values[-1] = final
    start["sum"] += u
    for distance, one in enumerate(above(place), start=1):
      one["sum"] += 0.9**distance * u
      one["n"] += 1
    done = world.short(whole, len(texts), outcome=(final + 1) / 2)
    rolled.append((start, done, values))
    shut(place)
  found, left = [], {0.0: paths, 1.0: paths}
  for start, whole, values in rolled:
    if left[whole.outcome] and whole.texts:
      left[whole.outcome] -= 1
      sums = {len(one["node"].texts): one for one in reversed([*above(start)])}
      path = [sums[t]["sum"] for t in sorted(sums)]
      found.append((whole.texts, path + values))
  return found
