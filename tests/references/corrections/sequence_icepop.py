"""Liu et al. 2025: a response's importance weight, or 0 where it leaves the band."""

import math

import numpy as np

CASES = [{}, {"high": 1.1}, {"low": 0.9}, {"low": 0.8, "high": None}]


def sequence_icepop(logp_old, logp_sampling, mask, *, low=None, high=3.0):
  """p_old(y) / p_sampling(y) if between the bounds."""
  factors = np.zeros(mask.shape)
  for i in range(len(mask)):
    weight = 1.0
    for t in np.flatnonzero(mask[i]):
      weight *= math.exp(logp_old[i, t]) / math.exp(logp_sampling[i, t])
    accepted = (low is None or low <= weight) and (high is None or weight <= high)
    factors[i] = weight * mask[i] * accepted
  return factors
