"""Jiang et al. 2025: look-back penalty on node values, hard labels."""

import math

CASES = [{}, {"factor": 0.5}, {"factor": 0.0}, {"factor": 0.5, "threshold": 0.5}]


def meds3(values, *, factor=1.0, threshold=0.0):
  """1[v_i - f (previous - v_i) > threshold], from step 2 on."""
  previous, labels = None, []
  for i in range(1, len(values)):
    if math.isnan(values[i]):
      labels.append(math.nan)
      continue
    penalty = 0.0 if previous is None else factor * (previous - values[i])
    previous = values[i] - penalty
    labels.append(1.0 if previous > threshold else 0.0)
  return labels
