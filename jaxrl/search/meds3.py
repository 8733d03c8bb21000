"""MedS3: shares of right continuations, mixed on the way up. Jiang et al., https://arxiv.org/abs/2501.12051.

  choice: V + c sqrt(log n_parent / n_child);  5 without a visit, -1 where terminal
  backup: n += 1 on the path, then from the leaf to the root
          V <- keep V + (1 - keep) sum_c V_c n_c / sum_c n_c

with keep = 1/2 in the released config ("comp") and 0 as "default". V of a new node is
the share of `continuations` direct continuations that are right, 0 or 1 of a finished
one by rule. New children have n = 0; a node none of whose children has been visited
keeps V. n before V is a choice, as the sheet of the method does not order them.

A finished node below 0.5 may be refined once in the paper: `expand` then says that it
is not terminal. Released settings: 3 children, at most 60 nodes, depth 6, until 4 right
leaves.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl.search.tree import NO_NODE, SearchTree, distances, of_children

UNVISITED = 5.0
TERMINAL = -1.0


def meds3(
  tree: SearchTree, node: Int[Array, ""], *, exploration: float = 2.0
) -> Float[Array, " W"]:
  """Scores of the node's children."""
  value, _ = of_children(tree, node, tree.value)
  visits, _ = of_children(tree, node, tree.visits)
  terminal, _ = of_children(tree, node, tree.terminal)
  log_n = jnp.log(jnp.maximum(tree.visits[node], 1))
  score = value + exploration * jnp.sqrt(log_n / jnp.maximum(visits, 1))
  return jnp.where(terminal, TERMINAL, jnp.where(visits == 0, UNVISITED, score))


def backup(
  tree: SearchTree,
  node: Int[Array, ""],
  children: Int[Array, " K"],
  values: Float[Array, " K"],
  *,
  keep: float = 0.5,
) -> SearchTree:
  """The tree after a visit of `node`, which made `children` of these values."""
  at = jnp.where(children != NO_NODE, children, tree.parent.shape[0])
  tree = dataclasses.replace(
    tree,
    value=tree.value.at[at].set(values, mode="drop"),
    visits=tree.visits + (distances(tree, node) >= 0).astype(jnp.int32),
  )

  def up(state: tuple[Array, Array]) -> tuple[Array, Array]:
    value, node = state
    below, there = of_children(tree, node, value)
    visits, _ = of_children(tree, node, tree.visits)
    weight = jnp.where(there, visits, 0)
    total = jnp.sum(weight)
    mean = jnp.sum(weight * below) / jnp.maximum(total, 1)
    mixed = keep * value[node] + (1 - keep) * mean
    value = value.at[node].set(jnp.where(total > 0, mixed, value[node]))
    return value, tree.parent[node]

  first = (tree.value, jnp.asarray(node, jnp.int32))
  value, _ = jax.lax.while_loop(lambda state: state[1] != NO_NODE, up, first)
  return dataclasses.replace(tree, value=value)


def continuations(depth: Int[Array, "..."]) -> Int[Array, "..."]:
  """How many continuations value a node of this depth: max(floor(20 / (d + 1)), 5)."""
  return jnp.maximum(20 // (depth + 1), 5)
