"""AdamW. Loshchilov and Hutter, https://arxiv.org/abs/1711.05101."""

import optax


def adamw(
  learning_rate: optax.ScalarOrSchedule,
  *,
  b1: float = 0.9,
  b2: float = 0.999,
  eps: float = 1e-8,
  weight_decay: float = 0.0,
) -> optax.GradientTransformation:
  """optax.adamw; weight decay is off unless asked for, as is usual in RL."""
  return optax.adamw(learning_rate, b1=b1, b2=b2, eps=eps, weight_decay=weight_decay)
