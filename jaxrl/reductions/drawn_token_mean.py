"""A mean over tokens that left-out tokens still dilute. AReaL, https://arxiv.org/abs/2505.24298.

  w_it = m_it / sum_jt drawn_jt

`drawn` is the mask before any selector: what a selector takes away weakens the step
instead of raising the weight of the rest. The rule is that of AReaL's code, which
divides by the token count from before its rejection; the paper does not speak of it.
Rows that a selector masks fully still count in the denominator; rows without a score,
which were never in `drawn`, do not.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def drawn_token_mean(
  mask: Float[Array, "B T"], drawn: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """Weights that sum to the fraction of tokens left."""
  return mask / jnp.maximum(jnp.sum(drawn), 1.0)
