"""Trees whose nodes are rows of one problem, with their caches: nothing is read twice.

A node is what a search keeps of a single row (`Parts.pack`), so that a child begins
where its parent ended. One problem at a time: `searching.batch_problems` is 1, and the
K children of an expansion are sampled together.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl.search.state import Beams, Parts
from jaxrl.search.tree import Children, SearchTree
from jaxrl.types import Tree


def root(parts: Parts) -> Tree:
  """The problem's row before its first step, as a node keeps it.

  Raises:
    ValueError: there are several problems.
  """
  if parts.problems != 1:
    raise ValueError(
      f"a tree search takes one problem at a time, not {parts.problems}: set "
      "searching.batch_problems to 1"
    )
  one = parts.take(parts.rows, jnp.zeros(1, jnp.int32))
  return jax.tree.map(lambda x: x[0], parts.pack(one))


def expander(parts: Parts, children: int) -> Callable[[Tree, Array], Children]:
  """The `expand` of a tree search: so many sampled next steps of a node."""

  def expand(row: Tree, key: Array) -> Children:
    stacked = jax.tree.map(lambda x: x[None], row)
    rows = parts.unpack(jax.tree.map(lambda x: jnp.repeat(x, children, 0), stacked))
    rows, finished = parts.expand(rows, key)
    return Children(
      rows=parts.pack(rows),
      prior=parts.likelihood(rows),
      terminal=finished,
      exists=jnp.ones(children, bool),
    )

  return expand


def scores(parts: Parts, rows: Tree) -> Float[Array, " K"]:
  """What the model of steps says of K nodes."""
  return parts.score(parts.unpack(rows))


def account(parts: Parts, rows: Tree, tokens: Array) -> Tree:
  """Rows of one problem, with all the tokens of its tree on the first one's account."""
  return parts.spent(rows, jnp.zeros_like(parts.drawn(rows)).at[0].set(tokens))


def answers(
  parts: Parts, tree: SearchTree, value: Float[Array, " M"], key: Array
) -> Beams:
  """The terminal nodes of the highest value; other nodes where there are too few.

  As many as the problem has rows, or the whole tree; their number is the value.
  """
  used = jnp.arange(value.shape[0]) < tree.count
  rank = jnp.where(used, value + jnp.where(tree.terminal, 1e6, 0.0), -jnp.inf)
  count = min(value.shape[0], parts.score(parts.rows).shape[0])
  _, best = jax.lax.top_k(rank, count)
  rows = parts.unpack(jax.tree.map(lambda x: x[best], tree.rows))
  steps = jnp.where(used[best], jnp.ones(count, jnp.int32), 0)
  return Beams(
    rows=account(parts, rows, jnp.sum(jnp.where(used, parts.length(tree.rows), 0))),
    score=value[best],
    scores=value[best][:, None],
    log_weight=jnp.zeros(count),
    steps=steps,
    finished=(tree.terminal & used)[best],
    round=tree.count,
    key=key,
  )
