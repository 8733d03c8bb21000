"""Learning-rate schedules of optax: `name(total_steps, *, hyper-parameters)`."""

import optax


def after_warmup(
  schedule: optax.Schedule, learning_rate: float, warmup_steps: int
) -> optax.Schedule:
  """A straight line from 0 to the learning rate, then `schedule` from its start."""
  warmup = optax.linear_schedule(0.0, learning_rate, warmup_steps)
  return optax.join_schedules([warmup, schedule], [warmup_steps])
