"""Havrilla et al. 2024: as stepwise_orm, if the completion uses the step's result."""

import math

CASES = [{}]


def stepwise_orm_used(right, uses_step, outcome):
  """A right completion without the step counts as one that failed."""
  steps = len(right) - 1
  raw = []
  for t in range(1, steps + 1):
    found = []
    for r, used in zip(right[t], uses_step[t], strict=True):
      if r == 1 and used == 1:
        found.append(True)
      elif r == 0 or (r == 1 and used == 0):
        found.append(False)
    if t == steps and outcome in (0, 1):
      found = [outcome == 1]
    raw.append(any(found) if found else None)
  labels = []
  for t in range(steps):
    if True in raw[t:]:
      labels.append(1.0)
    else:
      labels.append(math.nan if raw[t] is None else 0.0)
  return labels
