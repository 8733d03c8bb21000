"""Snell et al. 2024: the score behind the last step."""


def last(step_scores, mask):
  """0 for a row without a step."""
  values = []
  for row, on in zip(step_scores, mask, strict=True):
    value = 0.0
    for p, m in zip(row, on, strict=True):
      value = p if m else value
    values.append(value)
  return values
