"""Warm-up, then constant."""

import optax

from jaxrl.schedules import after_warmup


def constant(
  total_steps: int,
  *,
  learning_rate: float = 1e-5,
  warmup_steps: int = 0,
) -> optax.Schedule:
  """Optimiser step -> learning rate."""
  after = optax.constant_schedule(learning_rate)
  return after_warmup(after, learning_rate, warmup_steps)
