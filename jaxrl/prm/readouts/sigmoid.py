"""The probability of one logit. Wang et al. (Math-Shepherd), https://arxiv.org/abs/2312.08935.

  p = 1 / (1 + exp(-z))

of a head that `step_bce`, `step_mse` or `pqm` has trained; PQM's authors vote with it.
"""

import jax
from jaxtyping import Array, Float

from jaxrl import masked


def sigmoid(
  step_logits: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """Scores where the mask is on, 0 elsewhere."""
  z = masked.zero(step_logits, mask)
  return masked.zero(jax.nn.sigmoid(z), mask)
