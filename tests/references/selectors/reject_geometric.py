"""Liu et al. 2025: the ratio's geometric mean over a response, in a band."""

import math

import numpy as np

CASES = [
  {},
  {"low": 0.9, "high": 1.1},
  {"low": 0.97, "high": 1.1},
  {"low": 0.9, "high": 1.03},
  {"low": None, "high": 1.0},
  {"low": 1.0, "high": None},
]


def reject_geometric(logp_old, logp_sampling, mask, *, low=0.999, high=1.001):
  """Rows inside."""
  left = np.array(mask)
  for i in range(len(mask)):
    tokens = np.flatnonzero(mask[i])
    if len(tokens) == 0:
      continue
    product = math.prod(math.exp(logp_old[i, t] - logp_sampling[i, t]) for t in tokens)
    ratio = product ** (1 / len(tokens))
    if (low is not None and ratio < low) or (high is not None and ratio > high):
      left[i] = 0.0
  return left
