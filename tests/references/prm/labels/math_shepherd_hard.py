"""Wang et al. 2024: a step is good if any completion after it is right."""

import math

CASES = [{}]


def math_shepherd_hard(right, outcome):
  """Hard estimation; the last step by the outcome."""
  steps = len(right) - 1
  labels = []
  for t in range(1, steps + 1):
    known = [float(r) for r in right[t] if not math.isnan(r)]
    if t == steps and not math.isnan(outcome):
      known = [outcome]
    if not known:
      labels.append(math.nan)
    else:
      labels.append(1.0 if any(r == 1 for r in known) else 0.0)
  return labels
