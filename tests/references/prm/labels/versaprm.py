"""Zeng et al. 2025: 1 before the judge's first bad step, 0 at it, nothing after."""

import math

CASES = [{}]


def versaprm(verdicts):
  """Walk the first judge's verdicts; a gap on the way drops the solution."""
  steps = verdicts.shape[1]
  nothing = [math.nan] * steps
  if verdicts.shape[0] == 0:
    return nothing
  labels = []
  for verdict in verdicts[0]:
    if math.isnan(verdict):
      return nothing
    labels.append(float(verdict))
    if verdict == 0:
      break
  return labels + [math.nan] * (steps - len(labels))
