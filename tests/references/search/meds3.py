"""Jiang et al. 2025 (MedS3): values mixed with the children's, from the leaf up."""

import math

CASES = [{}, {"keep": 0.0}, {"exploration": 0.3}, {"exploration": 0.5, "keep": 0.8}]


def meds3(game, iterations, *, exploration=2.0, keep=0.5):
  """Nodes in the order of creation: [id, visits, value]."""
  nodes = [{"id": 0, "n": 0, "v": game.value[0], "kids": [], "up": None}]

  def score(kid):
    if game.terminal[kid["id"]]:
      return -1.0
    if kid["n"] == 0:
      return 5.0
    return kid["v"] + exploration * math.sqrt(math.log(kid["up"]["n"]) / kid["n"])

  for _ in range(iterations):
    node = nodes[0]
    while node["kids"]:
      node = max(node["kids"], key=score)
    if not game.terminal[node["id"]]:
      for i in game.children(node["id"]):
        node["kids"].append(
          {"id": i, "n": 0, "v": game.value[i], "kids": [], "up": node}
        )
      nodes += node["kids"]
    path = []
    while node is not None:
      path.append(node)
      node["n"] += 1
      node = node["up"]
    for node in path:
      total = sum(kid["n"] for kid in node["kids"])
      if total > 0:
        mean = sum(kid["v"] * kid["n"] for kid in node["kids"]) / total
        node["v"] = keep * node["v"] + (1 - keep) * mean
  return [[node["id"], node["n"], node["v"]] for node in nodes]
