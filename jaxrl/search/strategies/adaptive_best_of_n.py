"""Instance-adaptive best of n: samples by the question's odds. Park et al., https://arxiv.org/abs/2506.09338.

  n = min(N(p), rows),   N(p) = ceil(log(1 - C) / log(1 - p))

with p the low quantile that the model of steps gives the prompt's success rate, before
any step: one of n samples is right with probability C. The model has quantile outputs
(the objective `quantile`), whose median (the readout `one_quantile`) ranks the samples.

Id: prm_calibration
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from jaxrl.search import loop
from jaxrl.search.budget import samples_needed
from jaxrl.search.state import Beams, Parts
from jaxrl.search.strategies.best_of_n import best_of_n


def adaptive_best_of_n(
  parts: Parts, key: Key[Array, ""], *, confidence: float = 0.99, low: int = 0
) -> Beams:
  """The state after the last round; rows that were not drawn have not finished."""
  p = jax.nn.sigmoid(parts.outputs(parts.rows)[:, low])
  place = jnp.arange(p.shape[0]) % (p.shape[0] // parts.problems)
  spare = place >= samples_needed(p, confidence=confidence)
  return loop.search(
    parts.idle(parts.rows, spare),
    key,
    expand=parts.expand,
    score=parts.score,
    select=parts.each(best_of_n),
    rounds=parts.rounds,
    take=parts.take,
  )
