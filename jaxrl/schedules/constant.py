"""Warm-up, then constant."""

import optax


def constant(
  total_steps: int,
  *,
  learning_rate: float = 1e-5,
  warmup_steps: int = 0,
) -> optax.Schedule:
  """Optimiser step -> learning rate."""
  warmup = optax.linear_schedule(0.0, learning_rate, warmup_steps)
  after = optax.constant_schedule(learning_rate)
  return optax.join_schedules([warmup, after], [warmup_steps])
