"""Chen et al. 2025: only clear rates give labels."""

import math

CASES = [{}, {"low": 0.0, "high": 1.0}, {"low": 0.34, "high": 0.5}]


def vrprm(right, outcome, *, low=0.125, high=0.75):
  """0, 1 or nothing, step by step."""
  labels = []
  for t in range(1, len(right)):
    scored = [r for r in right[t] if not math.isnan(r)]
    if t == len(right) - 1 and not math.isnan(outcome):
      scored = [outcome]
    label = math.nan
    if scored and sum(scored) <= low * len(scored) + 1e-12:
      label = 0.0
    elif scored and sum(scored) >= high * len(scored) - 1e-12:
      label = 1.0
    labels.append(label)
  return labels
