"""Look-ahead: a row is worth what its simulated continuation is worth. Snell et al., https://arxiv.org/abs/2408.03314.

  score(row) = PRM(row and k simulated steps),  k = steps

Section 5.2 there, with continuations at temperature 0, which stop where the response
ends: `simulate` leaves such rows as they are. k = 0 is plain scoring. The simulated
steps are not kept. ReARTeR's smoothing over them is another rule.
"""

from collections.abc import Callable

import jax
from jaxtyping import Array, Float

from jaxrl.search.state import Score
from jaxrl.types import Tree


def lookahead(
  rows: Tree, *, simulate: Callable[[Tree], Tree], score: Score, steps: int = 3
) -> Float[Array, " N"]:
  """Scores after `steps` calls of `simulate`, each one step on every row."""
  return score(jax.lax.fori_loop(0, steps, lambda _, rows: simulate(rows), rows))
