"""PAV: beams by worth and by the progress of the last step. Setlur et al., https://arxiv.org/abs/2410.08146.

  score of a row after step t = Q_t + alpha A_t
  A_t = Q'_t - Q'_(t-1),   Q' = 1 - (1 - Q)^k

with Q what the model of steps says of the row, Q_0 of the question, and Q' the success
of the best of k of the same policy's attempts, the paper's prover. Then `beam`; a row
that has finished keeps its number. k = 1 is the policy as its own prover. alpha is 0.2
to 0.6 in the paper, k 4.

Labels are `pav` and `pav_best_of_k`, in training `advantages/pav`.

Id: pav
"""

import dataclasses
import functools

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from jaxrl.search import loop
from jaxrl.search.state import Beams, Parts
from jaxrl.search.strategies.beam import beam


def pav(
  parts: Parts,
  key: Key[Array, ""],
  *,
  width: int = 4,
  alpha: float = 0.5,
  k: int = 4,
) -> Beams:
  """The state after the last round; `log_weight` is the number that rows compete by."""
  asked = parts.score(parts.rows)  # alike for all rows of a problem

  def by_progress(beams: Beams, key: Array) -> Int[Array, " N"]:
    return beam(dataclasses.replace(beams, score=beams.log_weight), key, width=width)

  return loop.search(
    parts.rows,
    key,
    expand=parts.expand,
    score=parts.score,
    select=parts.each(by_progress),
    rounds=parts.rounds,
    take=parts.take,
    weigh=functools.partial(value, asked=asked, alpha=alpha, k=k),
  )


def value(
  beams: Beams, *, asked: Float[Array, " N"], alpha: float, k: int
) -> Float[Array, " N"]:
  """Q_t + alpha A_t of each row; `asked` is Q_0."""
  row = jnp.arange(asked.shape[0])
  earlier = beams.scores[row, jnp.maximum(beams.steps - 2, 0)]
  before = jnp.where(beams.steps > 1, earlier, asked)
  prover = lambda q: 1.0 - (1.0 - q) ** k
  return beams.score + alpha * (prover(beams.score) - prover(before))
