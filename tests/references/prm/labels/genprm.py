"""Zhao et al. 2025: MC(t) / MC(t - 1) >= eps, in exact fractions."""

import math
from fractions import Fraction

CASES = [{}, {"progress_min": 0.5}, {"progress_min": 1.0}, {"progress_min": 0.0}]


def genprm(right, outcome, *, progress_min=0.8):
  """Walk the steps; stop once the rate before a step is 0."""
  rates = []
  for row in right:
    scored = [int(r) for r in row if not math.isnan(r)]
    rates.append(Fraction(sum(scored), len(scored)) if scored else None)
  if not math.isnan(outcome):
    rates[-1] = Fraction(int(outcome))
  labels = [math.nan] * (len(right) - 1)
  for t in range(1, len(right)):
    before, now = rates[t - 1], rates[t]
    if before == 0:
      break
    if before is None or now is None:
      continue
    reached = now / before >= Fraction(str(progress_min))
    labels[t - 1] = 1.0 if reached and now != 0 else 0.0
  return labels
