"""Zhou et al. 2025: half for the steps before the answer, half for the answer's."""

CASES = [{}, {"weight": 0.4}]


def fin_prm(step_scores, step_scored, mask, *, weight=1.0):
  """0 without a scored step."""
  values = []
  for scores, scored, on in zip(step_scores, step_scored, mask, strict=True):
    p = [s for s, k, m in zip(scores, scored, on, strict=True) if k and m]
    value = 0.0
    if p:
      value += p[-1] / 2
      for score in p[:-1]:
        value += score / (len(p) - 1) / 2
    values.append(weight * value)
  return values
