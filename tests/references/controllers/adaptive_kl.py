"""Ziegler et al. 2019, section 2.2: a controller proportional in the logarithm."""


def adaptive_kl(state, value, *, initial=0.2, target=6.0, horizon=10000, rows=512):
  """After one step: (the coefficient, what acts next)."""
  coefficient = initial if state is None else state
  error = min(max((value - target) / target, -0.2), 0.2)
  coefficient += coefficient * error * rows / horizon
  return coefficient, coefficient
