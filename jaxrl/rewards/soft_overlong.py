"""Soft overlong punishment. DAPO, https://arxiv.org/abs/2503.14476, eq. 13.

  r_i = 0                                        |o_i| <= max - buffer
        ((max - buffer) - |o_i|) / buffer        in between
        -1                                       |o_i| > max

times `weight`. Lengths are in tokens: |o_i| counts the row's trained tokens, its stop
token included, and tokens of a tool not. The punishment is added to the reward of right
and wrong answers alike. The defaults are the paper's; max_tokens should be the limit
that responses are cut at, and then only a response that was cut can reach -1. A buffer
of 0 is a step from 0 to -1 beyond max_tokens.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def soft_overlong(
  mask: Float[Array, "B T"],
  *,
  max_tokens: int = 20480,
  buffer_tokens: int = 4096,
  weight: float = 1.0,
) -> Float[Array, " B"]:
  """One punishment a row, between -weight and 0."""
  length = jnp.sum(mask, axis=-1)
  ramp = (max_tokens - buffer_tokens - length) / jnp.maximum(buffer_tokens, 1.0)
  return weight * jnp.clip(ramp, -1.0, 0.0)
