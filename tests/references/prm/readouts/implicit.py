"""Yuan et al. 2024, proposition 3.1: the log-ratio of the prefix, times beta."""

import math

import numpy as np

CASES = [{}, {"beta": 1.0}]


def implicit(logp, logp_ref, mask, *, beta=0.05):
  """Likelihood ratios of prefixes."""
  scores = np.zeros(mask.shape)
  for i in range(len(mask)):
    ratio = 1.0
    for t in np.flatnonzero(mask[i]):
      ratio *= math.exp(logp[i, t]) / math.exp(logp_ref[i, t])
      odds = ratio**beta
      scores[i, t] = odds / (1 + odds)
  return scores
