"""Nothing at first, then constant: a policy that waits for its critic."""

import optax

from jaxrl.schedules import after_warmup


def delayed(
  total_steps: int,
  *,
  learning_rate: float = 1e-5,
  delay_steps: int = 50,
  warmup_steps: int = 0,
) -> optax.Schedule:
  """Optimiser step -> learning rate; the first `delay_steps` move nothing."""
  after = optax.constant_schedule(learning_rate)
  after = after_warmup(after, learning_rate, warmup_steps)
  return optax.join_schedules([optax.constant_schedule(0.0), after], [delay_steps])
