"""Monte Carlo tree search with the rules as arguments. Coulom, https://doi.org/10.1007/978-3-540-75538-8_7.

An iteration goes down by `select` to a node that may have more children, lets `expand`
make them, `evaluate` judge them, and `backup` carry that up. A terminal node is visited
again without children. So AlphaMath is

  mcts(tree, key, expand=.., evaluate=.., select=puct, backup=alphamath, iterations=40)

and `alphallm`, `groundedprm` and `meds3` are others. It runs inside jit; `vmap` makes
many trees of it.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from jaxrl.search import tree as trees
from jaxrl.search.tree import NO_NODE, Backup, Children, SearchTree, SelectChild, Widen
from jaxrl.types import Tree


def mcts(
  tree: SearchTree,
  key: Key[Array, ""],
  *,
  expand: Callable[[Tree, Array], Children],
  evaluate: Callable[[Tree, Array], Tree],
  select: SelectChild,
  backup: Backup,
  iterations: int,
  widen: Widen = trees.once,
) -> SearchTree:
  """The tree after `iterations` more, or fewer where the table has no more room.

  Args:
    tree: from `tree.start`, or of an earlier call.
    key: consumed.
    expand: (row of a node, key) -> Children, as many each time.
    evaluate: (rows of the K children, key) -> values: [K] or whatever pytree of such
      the backup rule reads; what it says of children that do not exist is not read.
    select: (tree, node) -> scores of the node's children.
    backup: (tree, node, children, values) -> tree.
    iterations: how many.
    widen: (tree, node) -> how many children the node may have now.
  """
  one = jax.eval_shape(trees.row_of, tree, jnp.zeros((), jnp.int32))
  new = jax.eval_shape(expand, one, key)
  values = jax.eval_shape(evaluate, new.rows, key)
  size = new.exists.shape[0]
  blank = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), values)
  none = jnp.full(size, NO_NODE, jnp.int32)
  room = tree.parent.shape[0] - size

  def grow(tree: SearchTree, node: Array, key: Array) -> SearchTree:
    expand_key, evaluate_key = jax.random.split(key)
    new = expand(trees.row_of(tree, node), expand_key)
    values = evaluate(new.rows, evaluate_key)
    tree, children = trees.add(tree, node, new)
    full = tree.degree[node] >= widen(tree, node)
    return trees.close(backup(tree, node, children, values), node, full)

  def revisit(tree: SearchTree, node: Array, key: Array) -> SearchTree:
    return backup(tree, node, none, blank)

  def going(state: tuple[SearchTree, Array, Array]) -> Array:
    return (state[2] < iterations) & (state[0].count <= room)

  def turn(
    state: tuple[SearchTree, Array, Array],
  ) -> tuple[SearchTree, Array, Array]:
    tree, key, i = state
    key, use = jax.random.split(key)
    tree, node = trees.descend(tree, select=select, widen=widen)
    tree = jax.lax.cond(tree.terminal[node], revisit, grow, tree, node, use)
    return tree, key, i + 1

  first = (tree, key, jnp.zeros((), jnp.int32))
  return jax.lax.while_loop(going, turn, first)[0]
