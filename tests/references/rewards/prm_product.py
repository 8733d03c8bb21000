"""Pan et al. 2023: the product of the steps' scores."""

CASES = [{}, {"weight": 0.5}]


def prm_product(step_scores, step_scored, mask, *, weight=1.0):
  """0 without a scored step, or with a score of 0 or below."""
  values = []
  for scores, scored, on in zip(step_scores, step_scored, mask, strict=True):
    p = [s for s, k, m in zip(scores, scored, on, strict=True) if k and m]
    value = weight if p else 0.0
    for one in p:
      value = value * one if one > 0 else 0.0
    values.append(value)
  return values
