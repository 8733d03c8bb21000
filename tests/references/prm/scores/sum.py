"""The return that Cheng et al. 2025 argue against: all step scores added up."""


def sum(step_scores, mask):
  """0 for a row without a step."""
  values = []
  for row, on in zip(step_scores, mask, strict=True):
    total = 0.0
    for p, m in zip(row, on, strict=True):
      total += p if m else 0.0
    values.append(total)
  return values
