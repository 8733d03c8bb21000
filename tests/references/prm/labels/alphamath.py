"""Chen et al. 2024: Q of the node, +-1 at the end."""

import math

CASES = [{}, {"lowest": 0.0}]


def alphamath(values, outcome, *, lowest=-1.0):
  """Linear from [lowest, 1] to [-1, 1]."""
  targets = []
  for t in range(1, len(values)):
    share = (values[t] - lowest) / (1.0 - lowest)
    target = -1.0 * (1 - share) + 1.0 * share
    if target > 1:
      target = 1.0
    elif target < -1:
      target = -1.0
    targets.append(target)
  if targets and not math.isnan(outcome):
    targets[-1] = 1.0 if outcome == 1 else -1.0
  return targets
