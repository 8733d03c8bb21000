"""The mean of the steps' log odds. Cao et al., https://arxiv.org/abs/2505.20241.

  A = (1 / K) sum_k log(p_k / (1 - p_k))

with p_k in [0, 1], held within [epsilon, 1 - epsilon]; the paper does not say how it
keeps away from 0 and 1. sigmoid(A) is DreamPRM's estimate that the response is right.
This is the form in the authors' code; the paper's text has the sum, `sum_log_odds`. A
row without a step has 0, which is even odds.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.prm.log_odds import log_odds


def mean_log_odds(
  step_scores: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  epsilon: float = 1e-6,
) -> Float[Array, " B"]:
  """One number a row, of any sign."""
  scores = jnp.where(mask > 0, step_scores, jnp.full_like(step_scores, 0.5))
  return masked.mean_per_row(log_odds(scores, epsilon), mask)[:, 0]
