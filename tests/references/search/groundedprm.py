"""Zhang et al. 2025: sums of u over visits, discounted by distance."""

import math

CASES = [{}, {"exploration": 0.3}, {"sign": -1.0}]


def rollout_return(checks, final):
  """u of the intermediate checks and the final answer."""
  n = len(checks)
  if n == 0:
    return final
  total = final
  for j, v in enumerate(checks, start=1):
    total += v * (n - j + 1) / n
  return total / n


def groundedprm(game, iterations, *, exploration=1.414, sign=1.0):
  """Nodes in the order of creation: [id, visits, sum]."""
  nodes = [{"id": 0, "n": 0, "sum": 0.0, "kids": None, "up": None, "shut": False}]
  for _ in range(iterations):
    node = nodes[0]
    while node["kids"]:

      def score(kid, parent=node):
        mean = kid["sum"] / max(kid["n"], 1)
        bonus = math.sqrt(math.log(parent["n"] + 1) / (kid["n"] + 1))
        return sign * mean + exploration * bonus

      node = max([k for k in node["kids"] if not k["shut"]] or node["kids"], key=score)
    if game.terminal[node["id"]]:
      continue
    node["kids"] = []
    for i in game.children(node["id"]):
      kid = {"id": i, "n": 0, "sum": 0.0, "kids": None, "up": node}
      kid["shut"] = bool(game.terminal[i])
      node["kids"].append(kid)
      nodes.append(kid)
    start = max(node["kids"], key=lambda kid: game.value[kid["id"]])
    u = game.u[start["id"]]
    start["sum"] += u
    above, distance = start["up"], 1
    while above is not None:
      above["sum"] += 0.9**distance * u
      above["n"] += 1
      above, distance = above["up"], distance + 1
    while node is not None and all(kid["shut"] for kid in node["kids"]):
      node["shut"] = True
      node = node["up"]
  return [[node["id"], node["n"], node["sum"]] for node in nodes]
