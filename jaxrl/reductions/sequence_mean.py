"""Every sequence counts the same. GRPO, https://arxiv.org/abs/2402.03300.

  w_it = m_it / |o_i| / B',  |o_i| = sum_t m_it,  B' = rows with at least one token

Where the paper is silent: fully masked rows are not counted in B', so that leaving a
sample out gives the gradient of a batch in which it was never drawn; `count_empty`
counts them, as TRL does.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def sequence_mean(
  mask: Float[Array, "B T"], *, count_empty: bool = False
) -> Float[Array, "B T"]:
  """Weights that sum to 1 (to less, where empty rows are counted)."""
  length = jnp.sum(mask, axis=-1, keepdims=True)
  rows = mask.shape[0] if count_empty else jnp.sum(length > 0, dtype=mask.dtype)
  return mask / jnp.maximum(length, 1.0) / jnp.maximum(rows, 1.0)
