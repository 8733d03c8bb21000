"""Tan et al. 2025: a strict majority of the judges accepts the step."""

import math

CASES = [{}]


def aurora(verdicts):
  """Count for and against, step by step."""
  labels = []
  for t in range(verdicts.shape[1]):
    accept = reject = 0
    for judge in verdicts:
      accept += judge[t] == 1
      reject += judge[t] == 0
    if accept + reject == 0:
      labels.append(math.nan)
    else:
      labels.append(1.0 if accept > reject else 0.0)
  return labels
