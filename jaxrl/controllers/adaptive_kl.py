"""A KL coefficient that aims at a given KL. Ziegler et al., https://arxiv.org/abs/1909.08593.

  e = clip(KL / target - 1, -0.2, 0.2)
  coefficient <- coefficient * (1 + e * rows / horizon)

rows is the number of rows of one update and horizon that of rows in which the
coefficient can grow by a fifth; the paper's equation has their ratio as K = 0.1. The
paper's KL is a sum over the tokens of a response, and its targets 6 nats and up: for a
mean over tokens, divide the target by the usual length. verl's target is 0.1 of such a
mean. A KL that is not finite moves nothing.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl.controllers import Controller


def adaptive_kl(
  *,
  of: str = "kl",
  initial: float = 0.2,
  target: float = 6.0,
  horizon: int = 10000,
  rows: int = 512,
) -> Controller:
  """Multiplies up while the KL is over the target, and down while it is under."""

  def update(
    coefficient: Float[Array, ""], value: Float[Array, ""]
  ) -> Float[Array, ""]:
    error = jnp.clip(value / target - 1, -0.2, 0.2)
    error = jnp.where(jnp.isfinite(value), error, 0.0)
    return coefficient * (1 + error * (rows / horizon))

  return Controller(of, initial, update)
