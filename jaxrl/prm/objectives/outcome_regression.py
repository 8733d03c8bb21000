"""Regression on a response's score. HelpSteer2-Preference, Wang et al., https://arxiv.org/abs/2410.01257.

  L_i = (z_i - score_i)^2

of z at the last trained token of row i, repeated on each of its trained tokens: use
with `sequence_mean`. z is the head's raw output and the score may have any range:
helpfulness from 0 to 4 in the paper, which can also regress several attributes at once;
here it is one. Only the last token's output has a gradient.

`error` is |z_i - score_i|.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked
from jaxrl.types import Metrics


def outcome_regression(
  step_logits: Float[Array, "B T"],
  score: Float[Array, " B"],
  mask: Float[Array, "B T"],
) -> tuple[Float[Array, "B T"], Metrics]:
  """Squared error of the row on each trained token, 0 where masked."""
  value = masked.sum_per_row(step_logits, masked.last_token(mask))[:, 0]
  error = value - score
  metrics = {"error": masked.per_token(jnp.abs(error), mask)}
  return masked.per_token(error**2, mask), metrics
