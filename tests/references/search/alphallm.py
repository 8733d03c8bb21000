"""Tian et al. 2024: one option at a time, nodes as wide as their values differ."""

import math

CASES = [{}, {"exploration": 0.2}, {"scale": 12.0}, {"scale": 30.0, "most": 5}]


def alphallm(
  game, draws, *, exploration=1.0, scale=2.0, most=10, first=3, at_root=6, deepest=4
):
  """Nodes in the order of creation: [parent, visits, mean]; `draws` one a search."""
  root = {"at": 0, "code": 0, "depth": 0, "got": [], "kids": [], "up": None}
  root["width"] = at_root
  nodes = [root]

  def mean(node):
    return sum(node["got"]) / len(node["got"])

  def widened(node):
    if node["kids"]:
      middle = sum(mean(kid) for kid in node["kids"]) / len(node["kids"])
      spread = max(abs(mean(kid) - middle) for kid in node["kids"])
      node["width"] = max(node["width"], min(math.floor(scale * spread), most))
    return node["width"]

  for draw in draws:
    node = nodes[0]
    while node["depth"] < deepest and len(node["kids"]) >= widened(node):
      n = len(node["got"])
      bonus = lambda kid, n=n: exploration * math.sqrt(math.log(n) / len(kid["got"]))
      node = max(node["kids"], key=lambda kid: mean(kid) + bonus(kid))
    if node["depth"] < deepest:
      code = game.code(node["code"], draw)
      kid = {"at": len(nodes), "code": code, "depth": node["depth"] + 1, "got": []}
      kid |= {"kids": [], "up": node, "width": first, "reward": game.reward(code)}
      node["kids"].append(kid)
      nodes.append(kid)
      node = kid
    amount = node["reward"]
    while node is not None:
      node["got"].append(amount)
      node = node["up"]
  return [
    [-1 if node["up"] is None else node["up"]["at"], len(node["got"]), mean(node)]
    for node in nodes
  ]
