"""GroundedPRM: checked steps and the answer add up to one number. Zhang et al., https://arxiv.org/abs/2510.14942.

  u = (1/N) (sum_j v_j (N - j + 1) / N + F),  u = F where N = 0
  backup: value += u on the node that was rolled out, its visits as they were;
          value += 0.9^d u, visits += 1 on its ancestor at distance d
  choice: sign value / visits + c sqrt(log(N_parent + 1) / (N_child + 1))

with v_j = +-1 a judge's word, with a solver's result before it, on the N intermediate
steps of a rollout of at most 5 steps, and F = +-1 for the final answer (-1 where there
is none), which takes the place of the last step's check.

`groundedprm` is the choice, `rollout_return` is u, `backup` the backup of `mcts`. An
expansion makes 3 children, `evaluate` judges them, rolls out the one that it judges
highest and returns `Rollouts`. The sign is +1 while right paths are collected, -1 while
wrong ones are. The stored code defines the choice but draws a child at random; the
paper's choice is taken. Its Q is an estimate, so value / visits here (by 1 where a node
was rolled out but not passed), while labels are by the running sum,
`SearchTree.value_sum`: `path_labels`. Closed children are not entered again. The model
that learns to write the verdicts is trained like any other.
"""

import dataclasses
from collections.abc import Sequence

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int

from jaxrl.search.tree import NO_NODE, SearchTree, distances, mean_value, of_children
from jaxrl.types import Leaf


@struct.dataclass
class Rollouts:
  """What `evaluate` says of the K children of a node."""

  judged: Leaf  # [K] the judge's word on each child's own step
  simulated: Leaf  # [K] bool: at most one, which exists
  u: Leaf  # [K] `rollout_return` of that one


def groundedprm(
  tree: SearchTree,
  node: Int[Array, ""],
  *,
  exploration: float = 1.414,
  sign: float = 1.0,
) -> Float[Array, " W"]:
  """Scores of the node's children; -inf on closed ones."""
  q, _ = of_children(tree, node, mean_value(tree))
  visits, _ = of_children(tree, node, tree.visits)
  closed, _ = of_children(tree, node, tree.closed)
  bonus = jnp.sqrt(jnp.log1p(tree.visits[node]) / (visits + 1))
  return jnp.where(closed, -jnp.inf, sign * q + exploration * bonus)


def rollout_return(
  checks: Float[Array, " R"], checked: Float[Array, " R"], final: Float[Array, ""]
) -> Float[Array, ""]:
  """u of a rollout whose intermediate checks are where `checked` is on, from the left.

  Args:
    checks: v_j, +1 or -1.
    checked: 1. on intermediate steps; not on the start node nor on the last step.
    final: F.
  """
  on = checked > 0
  n = jnp.sum(on)
  safe = jnp.maximum(n, 1)
  weights = (n - jnp.cumsum(on) + 1) / safe
  total = jnp.sum(jnp.where(on, checks * weights, 0.0))
  return (total + final) / safe


def backup(
  tree: SearchTree, node: Int[Array, ""], children: Int[Array, " K"], values: Rollouts
) -> SearchTree:
  """The tree after the rollout of one of the new children of `node`."""
  made = children != NO_NODE
  begun = values.simulated & made
  u = jnp.sum(jnp.where(begun, values.u, 0.0))
  distance = distances(tree, node) + 1  # from the child; 0 off the path
  nodes = tree.parent.shape[0]
  share = jnp.where(distance > 0, 0.9**distance, 0.0)
  passed = (distance > 0) & jnp.any(begun)
  value_sum = tree.value_sum + share * u
  return dataclasses.replace(
    tree,
    value=tree.value.at[jnp.where(made, children, nodes)].set(
      values.judged, mode="drop"
    ),
    value_sum=value_sum.at[jnp.where(begun, children, nodes)].add(u, mode="drop"),
    visits=tree.visits + passed.astype(jnp.int32),
  )


def path_labels(values: Sequence[float], right: bool) -> list[bool]:
  """Whether each step of a path is good: its value is over 0. On the host.

  A path with a wrong answer is cut before the first step of value 0 or more behind its
  first bad one: what follows an error is not to be learnt as good.

  Args:
    values: `value_sum` of nodes, a judge's word for steps of a rollout.
    right: whether the path's answer is.
  """
  labels = [value > 0 for value in values]
  if right or all(labels):
    return labels
  bad = labels.index(False)
  behind = range(bad + 1, len(values))
  return labels[: next((i for i in behind if values[i] >= 0), len(values))]
