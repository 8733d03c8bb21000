"""Ionides 2008: importance weights, truncated; without bounds decoupled PPO's."""

import math

import numpy as np

CASES = [
  {},
  {"high": 1.1},
  {"low": 0.9},
  {"low": None, "high": None},
  {"low": 0.8, "high": None},
]


def token_is(logp_old, logp_sampling, mask, *, low=None, high=2.0):
  """p_old / p_sampling of each token, no less than low, no more than high."""
  factors = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    weight = math.exp(logp_old[i, t]) / math.exp(logp_sampling[i, t])
    if low is not None and weight < low:
      weight = low
    if high is not None and weight > high:
      weight = high
    factors[i, t] = weight
  return factors
