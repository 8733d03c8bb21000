"""Wang et al. 2023: the least of a response's step scores."""


def minimum(step_scores, mask):
  """0 for a row without a step."""
  values = []
  for row, on in zip(step_scores, mask, strict=True):
    kept = sorted(p for p, m in zip(row, on, strict=True) if m)
    values.append(kept[0] if kept else 0.0)
  return values
