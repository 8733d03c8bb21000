"""Cao et al. 2025 (code): the average log odds of the steps."""

import math

CASES = [{}, {"epsilon": 0.05}, {"epsilon": 1e-3}]


def mean_log_odds(step_scores, mask, *, epsilon=1e-6):
  """0 for a row without a step."""
  values = []
  for row, on in zip(step_scores, mask, strict=True):
    odds = []
    for p, m in zip(row, on, strict=True):
      if m:
        held = min(max(p, epsilon), 1 - epsilon)
        odds.append(math.log(held / (1 - held)))
    values.append(math.fsum(odds) / len(odds) if odds else 0.0)
  return values
