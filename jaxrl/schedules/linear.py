"""Warm-up, then a straight line to `final_fraction` of the peak."""

import optax


def linear(
  total_steps: int,
  *,
  learning_rate: float = 1e-5,
  warmup_steps: int = 0,
  final_fraction: float = 0.0,
) -> optax.Schedule:
  """Optimiser step -> learning rate."""
  steps = max(total_steps - warmup_steps, 1)
  warmup = optax.linear_schedule(0.0, learning_rate, warmup_steps)
  after = optax.linear_schedule(learning_rate, final_fraction * learning_rate, steps)
  return optax.join_schedules([warmup, after], [warmup_steps])
