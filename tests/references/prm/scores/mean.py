"""Pan et al. 2023: the average of a response's step scores."""


def mean(step_scores, mask):
  """0 for a row without a step."""
  values = []
  for row, on in zip(step_scores, mask, strict=True):
    total, count = 0.0, 0
    for p, m in zip(row, on, strict=True):
      if m:
        total, count = total + p, count + 1
    values.append(total / count if count else 0.0)
  return values
