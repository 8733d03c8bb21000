"""Ring-1T, section 2.3: k where it lies in [alpha, beta], else 0."""

import math

import numpy as np

CASES = [
  {},
  {"low": 0.9},
  {"high": 1.1},
  {"low": None, "high": 1.2},
  {"low": 0.8, "high": None},
]


def icepop(logp_old, logp_sampling, mask, *, low=0.5, high=5.0):
  """Ratios inside the band, 0 for the others."""
  factors = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    k = math.exp(logp_old[i, t]) / math.exp(logp_sampling[i, t])
    too_low = low is not None and k < low
    too_high = high is not None and k > high
    factors[i, t] = 0.0 if too_low or too_high else k
  return factors
