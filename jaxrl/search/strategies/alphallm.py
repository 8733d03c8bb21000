"""AlphaLLM's tree of options, as wide as their values differ. Tian et al., https://arxiv.org/abs/2404.12253.

  `mcts` with the choice, the widths and the backup of `search/alphallm`
  reward(v) = w_V V(v) + w_F O(v),   V = 2 (p - 0.5),  O = p where v ends, else 0.5

with p of the one model of steps: it is the value function, and the outcome model of an
answer. Of a node without an answer the paper takes the outcome model's mean over fast
rollouts by a small policy; one that knows nothing of it says 0.5, and so does this. Its
weights are 1 and 1 (the step reward's is 0 in the released script). 40 iterations, one
child each. A child that says what its parent's path has said is not merged: siblings
are told apart by `search/distinct` on the host only.
"""

import functools

import jax.numpy as jnp
from jaxtyping import Array, Key

from jaxrl.search import alphallm as rules
from jaxrl.search import nodes, tree
from jaxrl.search.mcts import mcts
from jaxrl.search.state import Beams, Parts
from jaxrl.types import Tree


def alphallm(
  parts: Parts,
  key: Key[Array, ""],
  *,
  iterations: int = 40,
  first: int = 3,
  at_root: int = 40,
  exploration: float = 1.0,
  weights: tuple[float, float] = (1.0, 1.0),
) -> Beams:
  """The terminal nodes of the tree, by their mean reward."""

  def evaluate(rows: Tree, key: Array) -> Array:
    del key
    p = nodes.scores(parts, rows)
    outcome = jnp.where(parts.over(parts.unpack(rows)), p, 0.5)
    return rules.reward(
      2 * (p - 0.5), outcome, jnp.zeros_like(p), weights=(*weights, 0.0)
    )

  grown = mcts(
    rules.start(nodes.root(parts), nodes=2 + iterations, first=first, at_root=at_root),
    key,
    expand=nodes.expander(parts, 1),
    evaluate=evaluate,
    select=functools.partial(rules.alphallm, exploration=exploration),
    backup=rules.backup,
    iterations=iterations,
    widen=rules.width,
  )
  return nodes.answers(parts, grown, tree.mean_value(grown), key)
