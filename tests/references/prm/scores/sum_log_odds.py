"""Cao et al. 2025 (text): log odds of the steps, added up."""

import math

CASES = [{}, {"epsilon": 0.05}, {"epsilon": 1e-3}]


def sum_log_odds(step_scores, mask, *, epsilon=1e-6):
  """0 for a row without a step."""
  values = []
  for row, on in zip(step_scores, mask, strict=True):
    total = 0.0
    for p, m in zip(row, on, strict=True):
      if m:
        held = min(max(p, epsilon), 1 - epsilon)
        total += math.log(held / (1 - held))
    values.append(total)
  return values
