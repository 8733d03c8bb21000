"""Lightman et al. 2023: the step scores multiplied."""


def product(step_scores, mask):
  """0 for a row without a step, and for one with a step of 0 or below."""
  values = []
  for row, on in zip(step_scores, mask, strict=True):
    kept = [p for p, m in zip(row, on, strict=True) if m]
    value = 1.0 if kept else 0.0
    for p in kept:
      value *= max(p, 0.0)
    values.append(value)
  return values
