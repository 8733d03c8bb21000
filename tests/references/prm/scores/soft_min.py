"""Cheng et al. 2025: sum_k w_k p_k with w_k proportional to exp(-p_k / T)."""

import math

CASES = [{}, {"temperature": 1.0}, {"temperature": 0.02}]


def soft_min(step_scores, mask, *, temperature=0.1):
  """0 for a row without a step."""
  values = []
  for row, on in zip(step_scores, mask, strict=True):
    kept = [p for p, m in zip(row, on, strict=True) if m]
    above = below = 0.0
    for p in kept:
      weight = math.exp(-(p - min(kept)) / temperature)
      above, below = above + weight * p, below + weight
    values.append(above / below if kept else 0.0)
  return values
