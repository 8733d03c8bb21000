"""Every token counts the same. DAPO, https://arxiv.org/abs/2503.14476.

  w_it = m_it / sum_jt m_jt

A batch in which nothing trains has weight 0 everywhere.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def token_mean(mask: Float[Array, "B T"]) -> Float[Array, "B T"]:
  """Weights that sum to 1."""
  return mask / jnp.maximum(jnp.sum(mask), 1.0)
