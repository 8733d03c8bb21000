"""Skywork-OR1 section 3.2: c_k goes up under the target and down over it."""


def adaptive_entropy(
  state, value, *, initial=0.0, target=0.2, delta=0.005, low=0.0, high=1.0
):
  """After one step: (the coefficient, what acts next)."""
  coefficient = initial if state is None else state
  if value < target - 1e-7:
    coefficient = min(coefficient + delta, high)
  elif value > target + 1e-7:
    coefficient = max(coefficient - delta, low)
  return coefficient, coefficient if value < target + 1e-7 else 0.0
