"""AlphaLLM: a tree of options, as wide as their values differ. Tian et al., https://arxiv.org/abs/2404.12253.

  reward(v) = w_V V(v) + w_F O(v) + w_S S(v), once, when v is made
  backup: appended to v and every ancestor, N += 1;  Q = mean of what was appended
  choice, at a node that has all its children: argmax_c Q_c + c sqrt(log N / N_c)
  width(s) <- max(width(s), min(floor(k d), 10)),  d = max_c |Q_c - mean_c Q_c|

`alphallm` is the choice, `width` the rule `widen` of `mcts`, `backup` the backup and
`reward` the number that `evaluate` gives. Each expansion makes one child, an option:
several tokens up to a line's end. V in -1..1 is a value head's or 2 (p - 0.5) of a
critic; O is an outcome model's score of an answer, or the mean over 4 fast rollouts; S
is a step reward. A terminal node that is visited again appends its reward again.

Weights are 1, 1, 0 in the released GSM8K script, which is all there is; width 3, at the
root 40 (`start`); depth at most 10, 40 searches. The paper's width follows the
importance max_o |v([s, o]) - v(s)|; the rule above is the authors' code. A new option
is to differ from its siblings: `distinct`. Answers: the leaf with the highest Q, or a
vote of `answers` over terminals.
"""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl.search import tree as trees
from jaxrl.search.tree import NO_NODE, ROOT, SearchTree, distances, of_children
from jaxrl.types import Tree


def alphallm(
  tree: SearchTree, node: Int[Array, ""], *, exploration: float = 1.0
) -> Float[Array, " W"]:
  """Scores of the node's children, all of which have been visited."""
  q, _ = of_children(tree, node, trees.mean_value(tree))
  visits, _ = of_children(tree, node, tree.visits)
  log_n = jnp.log(jnp.maximum(tree.visits[node], 1))
  return q + exploration * jnp.sqrt(log_n / jnp.maximum(visits, 1))


def width(
  tree: SearchTree, node: Int[Array, ""], *, scale: float = 2.0, most: int = 10
) -> Int[Array, ""]:
  """How many children the node may have; it never shrinks."""
  q, there = of_children(tree, node, trees.mean_value(tree))
  mean = jnp.sum(jnp.where(there, q, 0.0)) / jnp.maximum(jnp.sum(there), 1)
  spread = jnp.max(jnp.where(there, jnp.abs(q - mean), 0.0))
  # Less than a rounding error short of a whole number is that number.
  grown = jnp.floor(scale * spread + 1e-5).astype(jnp.int32)
  return jnp.maximum(tree.width[node], jnp.minimum(grown, most))


def backup(
  tree: SearchTree,
  node: Int[Array, ""],
  children: Int[Array, " K"],
  values: Float[Array, " K"],
) -> SearchTree:
  """The tree after the rewards of new children, or a terminal node's once more."""
  made = children != NO_NODE
  again = tree.terminal[node] & ~jnp.any(made)
  rewards = jnp.where(made, values, 0.0)
  total = jnp.sum(rewards) + jnp.where(again, tree.value[node], 0.0)
  count = jnp.sum(made, dtype=jnp.int32) + again.astype(jnp.int32)
  path = distances(tree, node) >= 0
  at = jnp.where(made, children, tree.parent.shape[0])  # beyond the table: dropped
  value_sum = tree.value_sum + jnp.where(path, total, 0.0)
  visits = tree.visits + jnp.where(path, count, 0)
  return dataclasses.replace(
    tree,
    value=tree.value.at[at].set(values, mode="drop"),
    value_sum=value_sum.at[at].add(rewards, mode="drop"),
    visits=visits.at[at].add(made.astype(jnp.int32), mode="drop"),
  )


def start(row: Tree, *, nodes: int, first: int = 3, at_root: int = 40) -> SearchTree:
  """A table with the widths of the released script: `first`, and `at_root`."""
  tree = trees.start(row, nodes=nodes, width=max(first, at_root, 10))
  return dataclasses.replace(
    tree, width=jnp.full(nodes, first, jnp.int32).at[ROOT].set(at_root)
  )


def reward(
  value: Float[Array, "..."],
  outcome: Float[Array, "..."],
  step: Float[Array, "..."],
  *,
  weights: tuple[float, float, float] = (1.0, 1.0, 0.0),
) -> Float[Array, "..."]:
  """w_V V + w_F O + w_S S."""
  return weights[0] * value + weights[1] * outcome + weights[2] * step


def yes_share(yes: Float[Array, "..."], no: Float[Array, "..."]) -> Float[Array, "..."]:
  """P(yes) / (P(yes) + P(no)) of a judge; NaN is a token that was not listed.

  0 without yes, 1 where only no is missing.
  """
  total = jnp.where(jnp.isnan(no), 0.0, no) + yes
  return jnp.where(jnp.isnan(yes) | (total <= 0), 0.0, yes / total)
