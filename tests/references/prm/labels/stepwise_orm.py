"""Havrilla et al. 2024: raw_t = any right; y_t = max of raw from t on."""

import math

CASES = [{}]


def stepwise_orm(right, outcome):
  """From the back: once a prefix is right all before it are."""
  labels, solvable = [], False
  for t in range(len(right) - 1, 0, -1):
    known = [r for r in right[t] if not math.isnan(r)]
    if t == len(right) - 1 and not math.isnan(outcome):
      known = [outcome]
    if 1 in known:
      solvable = True
    if solvable:
      labels.append(1.0)
    elif known:
      labels.append(0.0)
    else:
      labels.append(math.nan)
  return labels[::-1]
