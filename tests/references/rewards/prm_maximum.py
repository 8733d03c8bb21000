"""Pan et al. 2023: the greatest of the steps' scores."""

CASES = [{}, {"weight": 0.5}]


def prm_maximum(step_scores, step_scored, mask, *, weight=1.0):
  """0 without a scored step."""
  values = []
  for scores, scored, on in zip(step_scores, step_scored, mask, strict=True):
    p = [s for s, k, m in zip(scores, scored, on, strict=True) if k and m]
    values.append(weight * sorted(p)[-1] if p else 0.0)
  return values
