"""AlphaMath's tree search with a value model. Chen et al., https://arxiv.org/abs/2405.03553.

  `mcts` with the choice `puct` and the backup `search/alphamath`
  V(s) = 2 p - 1,  p what the model of steps says of s, of answers too

Released settings: 40 iterations of 5 children. At test time there is no truth to score
an answer by, so its value is the model's. The answer is the terminal node with the
highest mean value. The model is trained by `prm/objectives/alphamath` and read by
`tanh_value`. The paper's cheaper search, step-level beams, is `value_guided_blocks`
(SBS there).
"""

import dataclasses
import functools

import jax.numpy as jnp
from jaxtyping import Array, Key

from jaxrl.search import nodes, tree
from jaxrl.search.alphamath import alphamath as backup
from jaxrl.search.mcts import mcts
from jaxrl.search.puct import puct
from jaxrl.search.state import Beams, Parts


def alphamath(
  parts: Parts,
  key: Key[Array, ""],
  *,
  iterations: int = 40,
  children: int = 5,
  exploration: float = 1.25,
) -> Beams:
  """The terminal nodes of the tree, by their mean value."""
  first = parts.score(parts.rows)[0]
  start = tree.start(nodes.root(parts), nodes=1 + iterations * children, width=children)
  value = start.value.at[tree.ROOT].set(2 * first - 1)
  start = dataclasses.replace(start, value=value)
  grown = mcts(
    start,
    key,
    expand=nodes.expander(parts, children),
    evaluate=lambda rows, key: 2 * nodes.scores(parts, rows) - 1,
    select=functools.partial(puct, exploration=exploration),
    backup=backup,
    iterations=iterations,
  )
  # A node that was made and never entered has its value alone.
  visited = grown.visits > 0
  value = jnp.where(visited, tree.mean_value(grown), grown.value)
  return nodes.answers(parts, grown, value, key)
