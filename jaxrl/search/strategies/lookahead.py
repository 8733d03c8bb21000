"""Look-ahead: a row is worth what its simulated continuation is worth. Snell et al., https://arxiv.org/abs/2408.03314.

  score(row) = PRM(row and k simulated steps),  k = steps;  then `beam`

Section 5.2 there, with continuations at temperature 0, which stop where the response
ends: `simulate` leaves such rows as they are. k = 0 is plain beam search. The simulated
steps are not kept. ReARTeR's smoothing over them is another rule.
"""

import functools
from collections.abc import Callable

import jax
from jaxtyping import Array, Float, Key

from jaxrl.search import loop
from jaxrl.search.state import Beams, Parts, Score
from jaxrl.search.strategies.beam import beam
from jaxrl.types import Tree


def lookahead(
  parts: Parts, key: Key[Array, ""], *, width: int = 4, steps: int = 3
) -> Beams:
  """Beam search by the scores of simulated continuations."""
  return loop.search(
    parts.rows,
    key,
    expand=parts.expand,
    score=functools.partial(
      looked_ahead, simulate=parts.simulate, score=parts.score, steps=steps
    ),
    select=parts.each(functools.partial(beam, width=width)),
    rounds=parts.rounds,
    take=parts.take,
  )


def looked_ahead(
  rows: Tree, *, simulate: Callable[[Tree], Tree], score: Score, steps: int
) -> Float[Array, " N"]:
  """Scores after `steps` calls of `simulate`, each one step on every row."""
  return score(jax.lax.fori_loop(0, steps, lambda _, rows: simulate(rows), rows))
