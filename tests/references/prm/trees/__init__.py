"""Trees by plain objects, one problem at a time.

`world` writes and judges: `steps(number, node, count)`, `rollouts(number, node,
count)`, `checks(node)`, `value(node)`. A node has `texts`, `terminal`, `ended`,
`outcome`, `likelihood`; `number` is its place in the order of creation. A reference
gives (texts, numbers by steps) of the solutions that it writes, in their order.
"""


def shut(node):
  """Marks what has nothing open below it, from a node up."""
  while node is not None and node["kids"] and all(k["shut"] for k in node["kids"]):
    node["shut"] = True
    node = node["up"]


def above(node):
  """The node and its ancestors."""
  while node is not None:
    yield node
    node = node["up"]
