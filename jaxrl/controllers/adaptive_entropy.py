"""An entropy bonus that acts only where entropy is short. https://arxiv.org/abs/2505.22312.

Skywork-OR1, section 3.2.

  c <- clip(c + delta, low, high)      where H < target
       clip(c - delta, low, high)      where H > target
  coefficient = c if H <= target else 0

H is the batch's mean entropy, nats a token; as in TRL, that of the step before, while
the paper gates a step with its own. c starts at 0. Bounds are TRL's; the paper
has none, but c under 0 would lower the entropy. At H = target c stays, where the paper
is silent. An entropy that is not finite moves nothing, and nothing acts.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl.controllers import Controller


def adaptive_entropy(
  *,
  of: str = "entropy_bonus",
  initial: float = 0.0,
  target: float = 0.2,
  delta: float = 0.005,
  low: float = 0.0,
  high: float = 1.0,
) -> Controller:
  """One step of `delta` toward the target each time."""

  def update(
    coefficient: Float[Array, ""], value: Float[Array, ""]
  ) -> Float[Array, ""]:
    toward = jnp.where(jnp.isfinite(value), jnp.sign(target - value), 0.0)
    return jnp.clip(coefficient + delta * toward, low, high)

  def gate(coefficient: Float[Array, ""], value: Float[Array, ""]) -> Float[Array, ""]:
    short = jnp.isfinite(value) & (value <= target)
    return jnp.where(short, coefficient, 0.0)

  return Controller(of, initial, update, gate)
