"""Luo et al. 2024: MC(prefix) where the search asked."""

import math

CASES = [{}, {"implied": True}]


def omegaprm(right, outcome, *, implied=False):
  """Rates; with `implied` a 0 stands for all that follows it unasked."""
  labels, hopeless = [], False
  for t in range(len(right)):
    scored = [r for r in right[t] if not math.isnan(r)]
    rate = sum(scored) / len(scored) if scored else math.nan
    if t == len(right) - 1 and not math.isnan(outcome):
      rate = outcome
    if implied and hopeless and math.isnan(rate):
      rate = 0.0
    hopeless = hopeless or rate == 0
    labels.append(rate)
  return labels[1:]
