"""AlphaMath: values of leaves, and answers as they appear. Chen et al., https://arxiv.org/abs/2405.03553.

  on expansion of s:      W += V(s), N += 1            on s and its ancestors
  for each new terminal:  W += r, N += 1, r = +1 or -1   on it and its ancestors
  Q = W / N

The backup of `mcts`, with `puct` for the choice. `evaluate` gives V(s) = tanh of the
value head in -1..1 (untrained in round 1) for children that go on, and +1 (right) or -1
(wrong, too deep, too many code errors) for terminal ones. V of the root, which no
expansion makes, is the `root_value` of `tree.start`. A node without any continuation,
such as one whose prompt is too long, backs up -1, once.

Released settings: 40 iterations, depth 8, 5 children. Labels of a path are its nodes'
`tree.mean_value`, which is +-1 at the end; `prm/objectives/alphamath` trains policy and
head on such paths, and `tanh_value` reads it. Test-time: `mcts`, or
`value_guided_blocks`.
"""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl.search.tree import NO_NODE, SearchTree, distances


def alphamath(
  tree: SearchTree,
  node: Int[Array, ""],
  children: Int[Array, " K"],
  values: Float[Array, " K"],
) -> SearchTree:
  """The tree after V of `node` and the answers among its new children."""
  nodes = tree.parent.shape[0]
  made = children != NO_NODE
  first = tree.terminal[node] & (tree.visits[node] == 0)
  own = jnp.where(jnp.any(made), tree.value[node], jnp.where(first, -1.0, 0.0))
  counted = (jnp.any(made) | first).astype(jnp.int32)
  answered = made & tree.terminal[jnp.maximum(children, 0)]
  rewards = jnp.where(answered, values, 0.0)
  path = distances(tree, node) >= 0
  at = jnp.where(made, children, nodes)  # beyond the table: dropped
  value_sum = tree.value_sum + jnp.where(path, own + jnp.sum(rewards), 0.0)
  added = counted + jnp.sum(answered, dtype=jnp.int32)
  visits = tree.visits + jnp.where(path, added, 0)
  return dataclasses.replace(
    tree,
    value=tree.value.at[at].set(values, mode="drop"),
    value_sum=value_sum.at[at].add(rewards, mode="drop"),
    visits=visits.at[at].add(answered.astype(jnp.int32), mode="drop"),
  )
