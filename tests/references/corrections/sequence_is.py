"""Liu et al. 2025: the importance weight of a whole response, truncated."""

import math

import numpy as np

CASES = [{}, {"high": 1.1}, {"low": 0.9}, {"low": 0.8, "high": None}]


def sequence_is(logp_old, logp_sampling, mask, *, low=None, high=2.0):
  """p_old(y) / p_sampling(y) between the bounds, on the tokens of y."""
  factors = np.zeros(mask.shape)
  for i in range(len(mask)):
    tokens = np.flatnonzero(mask[i])
    trainer = math.prod(math.exp(logp_old[i, t]) for t in tokens)
    sampler = math.prod(math.exp(logp_sampling[i, t]) for t in tokens)
    bounds = (0.0 if low is None else low, math.inf if high is None else high)
    factors[i, tokens] = sorted((bounds[0], trainer / sampler, bounds[1]))[1]
  return factors
