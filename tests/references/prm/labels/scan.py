"""Ding et al. 2025: labels c_t / SC on the d steps before the first zero."""

import math

CASES = [
  {},
  {"confidence_min": 0.0},
  {"confidence_min": 0.0, "tolerance": 0},
  {"confidence_min": 0.2, "tolerance": 1},
  {"confidence_min": 0.5, "tolerance": 6},
]


def scan(right, outcome, *, confidence_min=0.75, tolerance=2):
  """The question's filter, then the walk over a wrong solution's steps."""
  steps = len(right) - 1
  nothing = [math.nan] * steps

  def rate(t):
    scored = [r for r in right[t] if not math.isnan(r)]
    return sum(scored) / len(scored) if scored else None

  confidence = rate(0)
  if math.isnan(outcome):
    return nothing
  if confidence is not None and confidence < confidence_min:
    return nothing
  if outcome == 1:
    return [1.0] * steps
  error = steps  # a wrong solution is wrong by its last step
  for t in range(1, steps):
    if rate(t) is None:
      return nothing
    if rate(t) == 0:
      error = t
      break
  labels = []
  for t in range(1, steps + 1):
    if t > error:
      labels.append(math.nan)
    elif t == error:
      labels.append(0.0)
    elif error - t > tolerance:
      labels.append(1.0)
    elif confidence is None:
      labels.append(math.nan)
    elif confidence == 0:
      labels.append(1.0)
    else:
      labels.append(min(rate(t) / confidence, 1.0))
  return labels
