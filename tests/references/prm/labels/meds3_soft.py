"""Jiang et al. 2025: soft look-back, which knows the next value; clipped labels."""

import math

CASES = [{}, {"factor": 0.5}, {"factor": 1.0}]


def meds3_soft(values, *, factor=0.0):
  """The last step and the first have no penalty."""
  last = len(values) - 1
  kept, labels = [], []
  for i in range(1, last + 1):
    v = float(values[i])
    if math.isnan(v):
      labels.append(math.nan)
      continue
    penalty = 0.0
    if kept and i != last:
      following = float(values[i + 1])
      if v < kept[-1] and v < following:
        penalty = factor * (kept[-1] - following)
      else:
        penalty = factor * (kept[-1] - v)
    kept.append(v - penalty)
    labels.append(min(max(kept[-1], 0.0), 0.9999))
  return labels
