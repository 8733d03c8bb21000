"""Chen et al. 2025, RL stage: a solution with an unclear step is dropped."""

import math

CASES = [{}, {"low": 0.4}, {"high": 0.6}, {"low": 0.34, "high": 0.5}]


def vrprm_certain(right, outcome, *, low=0.125, high=0.875):
  """0 or 1 for each step, or nothing for all."""
  labels = []
  for t in range(1, len(right)):
    scored = [r for r in right[t] if not math.isnan(r)]
    if t == len(right) - 1 and not math.isnan(outcome):
      scored = [outcome]
    if not scored:
      return [math.nan] * (len(right) - 1)
    rate = sum(scored) / len(scored)
    if low < rate < high:
      return [math.nan] * (len(right) - 1)
    labels.append(0.0 if rate <= low else 1.0)
  return labels
