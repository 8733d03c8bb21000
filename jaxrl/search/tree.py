"""A search tree: a table of M nodes of at most W children each, and walks over it.

A rule is a pure function of the tree. `select(tree, node) -> [W]` scores the children
of a node: the highest is entered, -inf is not a child to enter. `backup(tree, node,
children, values) -> tree` changes the sums after a visit of `node`, where `children`
[K] are the nodes that the visit has created, NO_NODE for none.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from jaxrl.types import Leaf, Tree

NO_NODE = -1  # a parent of the root, a child that is not there
ROOT = 0


@struct.dataclass
class SearchTree:
  """M nodes, of which the first `count` are in use; node 0 is the root."""

  rows: Tree  # leaves [M, ...]: what the caller keeps of each node
  parent: Leaf  # [M] int32: NO_NODE of the root
  children: Leaf  # [M, W] int32: the nodes in order of creation, then NO_NODE
  degree: Leaf  # [M] int32: children that there are
  width: Leaf  # [M] int32: children that there may be, for rules that let it grow
  depth: Leaf  # [M] int32: 0 of the root
  terminal: Leaf  # [M] bool: ends a response, or has no continuation
  closed: Leaf  # [M] bool: terminal, or expanded with nothing but closed children
  prior: Leaf  # [M] how likely the policy made the node's step
  value: Leaf  # [M] the node's own value, or what a rule makes of it
  value_sum: Leaf  # [M] what the visits have added up to
  visits: Leaf  # [M] int32, as the rule counts them
  count: Leaf  # [] int32


@struct.dataclass
class Children:
  """What `expand` makes of one node: up to K children."""

  rows: Tree  # leaves [K, ...]
  prior: Leaf  # [K]
  terminal: Leaf  # [K] bool
  exists: Leaf  # [K] bool: False on those that are not to be added


SelectChild = Callable[[SearchTree, Array], Array]
Backup = Callable[[SearchTree, Array, Array, Tree], SearchTree]
Widen = Callable[[SearchTree, Array], Array]


def start(row: Tree, *, nodes: int, width: int, root_value: float = 0.0) -> SearchTree:
  """A table with the root alone.

  Args:
    row: what the caller keeps of a node: no leading axis.
    nodes: M; 1 + iterations * children of an expansion leaves room for all.
    width: W, and the first `width` of every node.
    root_value: of the root itself.
  """
  integers = jnp.zeros(nodes, jnp.int32)
  put = lambda x: jnp.zeros((nodes, *x.shape), x.dtype).at[ROOT].set(x)
  return SearchTree(
    rows=jax.tree.map(lambda x: put(jnp.asarray(x)), row),
    parent=integers + NO_NODE,
    children=jnp.full((nodes, width), NO_NODE, jnp.int32),
    degree=integers,
    width=integers + width,
    depth=integers,
    terminal=jnp.zeros(nodes, bool),
    closed=jnp.zeros(nodes, bool),
    prior=jnp.ones(nodes, jnp.float32),
    value=jnp.zeros(nodes, jnp.float32).at[ROOT].set(root_value),
    value_sum=jnp.zeros(nodes, jnp.float32),
    visits=integers,
    count=jnp.ones((), jnp.int32),
  )


def row_of(tree: SearchTree, node: Int[Array, ""]) -> Tree:
  """What the caller keeps of one node."""
  return jax.tree.map(lambda x: x[node], tree.rows)


def mean_value(tree: SearchTree) -> Float[Array, " M"]:
  """value_sum / visits of each node, 0 without a visit."""
  return tree.value_sum / jnp.maximum(tree.visits, 1)


def of_children(
  tree: SearchTree, node: Int[Array, ""], x: Array
) -> tuple[Array, Bool[Array, " W"]]:
  """`x` [M] at the children of a node [W], and which of them there are."""
  children = tree.children[node]
  return x[jnp.maximum(children, 0)], children != NO_NODE


def distances(tree: SearchTree, node: Int[Array, ""]) -> Int[Array, " M"]:
  """Steps up from `node`: 0 of itself, 1 of its parent; -1 off its path to the root."""

  def up(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
    found, node, distance = state
    return found.at[node].set(distance), tree.parent[node], distance + 1

  none = jnp.full(tree.parent.shape, -1, jnp.int32)
  first = (none, jnp.asarray(node, jnp.int32), jnp.zeros((), jnp.int32))
  return jax.lax.while_loop(lambda state: state[1] != NO_NODE, up, first)[0]


def add(
  tree: SearchTree, node: Int[Array, ""], new: Children
) -> tuple[SearchTree, Int[Array, " K"]]:
  """The tree with the children that exist, and their numbers; NO_NODE for the others.

  A child for which the table or the node has no room is left out. A node that has no
  child after that is a dead end: it becomes terminal.
  """
  nodes, width = tree.children.shape
  order = jnp.cumsum(new.exists.astype(jnp.int32)) - 1
  slot = tree.degree[node] + order
  number = tree.count + order
  made = new.exists & (slot < width) & (number < nodes)
  total = jnp.sum(made, dtype=jnp.int32)
  at = jnp.where(made, number, nodes)  # beyond the table: dropped
  write = lambda x, y: x.at[at].set(y.astype(x.dtype), mode="drop")
  slot = jnp.where(made, slot, width)
  dead = tree.degree[node] + total == 0
  filled = jnp.broadcast_to(jnp.asarray(node, jnp.int32), at.shape)
  tree = dataclasses.replace(
    tree,
    rows=jax.tree.map(write, tree.rows, new.rows),
    parent=write(tree.parent, filled),
    children=tree.children.at[node, slot].set(number, mode="drop"),
    degree=tree.degree.at[node].add(total),
    depth=write(tree.depth, tree.depth[filled] + 1),
    terminal=write(tree.terminal, new.terminal).at[node].max(dead),
    closed=write(tree.closed, new.terminal).at[node].max(dead),
    prior=write(tree.prior, new.prior),
    count=tree.count + total,
  )
  return tree, jnp.where(made, number, NO_NODE)


def close(tree: SearchTree, node: Int[Array, ""], full: Bool[Array, ""]) -> SearchTree:
  """Marks nodes from `node` up as closed where all their children are.

  Args:
    tree: the tree.
    node: where something has changed.
    full: whether `node` has got all its children; nodes above it have.
  """

  def going(state: tuple[Array, Array, Array]) -> Array:
    return (state[1] != NO_NODE) & state[2]

  def up(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
    closed, node, _ = state
    below, there = of_children(tree, node, closed)
    shut = closed[node] | (jnp.any(there) & jnp.all(below | ~there))
    return closed.at[node].set(shut), tree.parent[node], shut

  first = (tree.closed, jnp.asarray(node, jnp.int32), full | tree.closed[node])
  return dataclasses.replace(tree, closed=jax.lax.while_loop(going, up, first)[0])


def once(tree: SearchTree, node: Int[Array, ""]) -> Int[Array, ""]:
  """The rule of width of trees that get all children of a node at one time."""
  degree = tree.degree[node]
  return jnp.where(degree > 0, degree, tree.width[node])


def descend(
  tree: SearchTree, *, select: SelectChild, widen: Widen = once
) -> tuple[SearchTree, Int[Array, ""]]:
  """From the root to the first node that is terminal or may have more children.

  Returns the tree, with the widths that `widen` gave on the way, and the node.
  """

  def going(state: tuple[SearchTree, Array, Array]) -> Array:
    return ~state[2]

  def down(
    state: tuple[SearchTree, Array, Array],
  ) -> tuple[SearchTree, Array, Array]:
    tree, node, _ = state
    width = widen(tree, node).astype(jnp.int32)
    tree = dataclasses.replace(tree, width=tree.width.at[node].set(width))
    degree = tree.degree[node]
    stop = tree.terminal[node] | (degree < width) | (degree == 0)
    scores, there = of_children(tree, node, tree.value)
    scores = jnp.where(there, select(tree, node), -jnp.inf)
    child = tree.children[node, jnp.argmax(scores)]
    return tree, jnp.where(stop, node, child), stop

  first = (tree, jnp.zeros((), jnp.int32), jnp.zeros((), bool))
  tree, node, _ = jax.lax.while_loop(going, down, first)
  return tree, node


def path_to(tree: SearchTree, node: int) -> list[int]:
  """The nodes from the root to `node`, on the host."""
  found = [int(node)]
  while tree.parent[found[0]] != NO_NODE:
    found.insert(0, int(tree.parent[found[0]]))
  return found
