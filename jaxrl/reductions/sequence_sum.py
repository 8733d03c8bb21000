"""Every token counts the same, whatever its batch. Dr. GRPO, https://arxiv.org/abs/2503.20783.

  w_it = m_it / (B' * divisor),  B' = rows with at least one token

The divisor is a constant, so that long answers are not favoured where they are wrong.
None is 1, the paper's equation; its code and TRL divide by max_response_tokens, which
takes the size of a sum down to that of a mean. verl's default is the padded width,
which changes with the batch. Fully masked rows are not counted in B'; `count_empty`
counts them, as TRL does.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def sequence_sum(
  mask: Float[Array, "B T"],
  *,
  divisor: float | None = None,
  count_empty: bool = False,
) -> Float[Array, "B T"]:
  """Weights that are the same on every trained token."""
  filled = jnp.any(mask > 0, axis=-1)
  rows = mask.shape[0] if count_empty else jnp.sum(filled, dtype=mask.dtype)
  weights = mask / jnp.maximum(rows, 1.0)
  return weights if divisor is None else weights / divisor
