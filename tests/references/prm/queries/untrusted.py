"""Duan et al. 2025: ask for a label unless every head is sure, step after step."""

import math

CASES = [{}, {"delta_p": 0.6, "delta_std": 0.3}, {"delta_std": -1.0}]
DONE, JUDGE = -1, -2


def untrusted(heads, verdicts, *, delta_p=0.95, delta_std=0.005):
  """Walk the steps up to the first one that is called wrong."""
  if len(verdicts) > 0:
    return DONE
  if len(heads[0]) == 0 if len(heads) else heads.shape[1] == 0:
    return JUDGE
  for step in heads:
    if any(math.isnan(p) for p in step):
      return JUDGE
    mean = sum(step) / len(step)
    std = 0.0
    if len(step) > 1:
      std = math.sqrt(sum((p - mean) ** 2 for p in step) / (len(step) - 1))
    if std > delta_std or (mean < delta_p and mean > 1 - delta_p):
      return JUDGE
    if mean < 0.5:
      break
  return DONE
