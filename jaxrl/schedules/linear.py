"""Warm-up, then a straight line to `final_fraction` of the peak."""

import optax

from jaxrl.schedules import after_warmup


def linear(
  total_steps: int,
  *,
  learning_rate: float = 1e-5,
  warmup_steps: int = 0,
  final_fraction: float = 0.0,
) -> optax.Schedule:
  """Optimiser step -> learning rate."""
  steps = max(total_steps - warmup_steps, 1)
  after = optax.linear_schedule(learning_rate, final_fraction * learning_rate, steps)
  return after_warmup(after, learning_rate, warmup_steps)
