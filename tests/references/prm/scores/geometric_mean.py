"""Jiang et al. 2025: the K-th root of the product of K step scores."""


def geometric_mean(step_scores, mask):
  """0 for a row without a step, and for one with a step of 0 or below."""
  values = []
  for row, on in zip(step_scores, mask, strict=True):
    kept = [p for p, m in zip(row, on, strict=True) if m]
    value = 1.0 if kept else 0.0
    for p in kept:
      value *= max(p, 0.0) ** (1 / len(kept))
    values.append(value)
  return values
