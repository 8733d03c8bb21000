"""Chen et al. 2024: PUCT, values of expanded nodes, answers as they appear."""

import math

CASES = [{}, {"exploration": 0.1}, {"exploration": 5.0}]


def alphamath(game, iterations, *, exploration=1.25):
  """Nodes in the order of creation: [id, visits, sum]; terminal values are +-1."""
  nodes = [{"id": 0, "n": 0, "w": 0.0, "kids": None, "up": None, "shut": False}]

  def credit(node, amount):
    while node is not None:
      node["n"] += 1
      node["w"] += amount
      node = node["up"]

  def entered(parent):
    best, top = parent["kids"][0], -math.inf
    for kid in parent["kids"]:
      q = kid["w"] / kid["n"] if kid["n"] else 0.0
      prior = game.prior[kid["id"]]
      u = exploration * prior * math.sqrt(parent["n"]) / (1 + kid["n"])
      if not kid["shut"] and q + u > top:
        best, top = kid, q + u
    return best

  for _ in range(iterations):
    node = nodes[0]
    while node["kids"]:
      node = entered(node)
    if game.terminal[node["id"]]:
      continue
    node["kids"] = []
    for i in game.children(node["id"]):
      kid = {"id": i, "n": 0, "w": 0.0, "kids": None, "up": node}
      kid["shut"] = bool(game.terminal[i])
      node["kids"].append(kid)
      nodes.append(kid)
    credit(node, game.value[node["id"]])
    for kid in node["kids"]:
      if game.terminal[kid["id"]]:
        credit(kid, game.value[kid["id"]])
    while node is not None and all(kid["shut"] for kid in node["kids"]):
      node["shut"] = True
      node = node["up"]
  return [[node["id"], node["n"], node["w"]] for node in nodes]


def puct(q, prior, visits, parent_visits, *, exploration=1.25):
  """One child's score."""
  return q + exploration * prior * math.sqrt(parent_visits) / (1 + visits)
