"""Stochastic gradient descent, for tests of laws and for comparisons."""

import optax


def sgd(
  learning_rate: optax.ScalarOrSchedule, *, momentum: float = 0.0
) -> optax.GradientTransformation:
  """optax.sgd."""
  return optax.sgd(learning_rate, momentum=momentum or None)
