"""Le Roux et al. 2025, eq. 8: positives in full, negatives by a truncated ratio."""

import math

import numpy as np

REINFORCE = True
CASES = [{}, {"ratio_cap": 0.5}, {"ratio_cap": 2.0}, {"ratio_cap": math.inf}]


def topr(logp, logp_old, advantages, mask, *, ratio_cap=1.0):
  """The tapered log-likelihood, negated, token by token."""
  losses = np.zeros(mask.shape)
  slopes = gradient(
    np.ones(mask.shape), logp, logp_old, advantages, mask, ratio_cap=ratio_cap
  )
  for i, t in zip(*np.nonzero(mask), strict=True):
    losses[i, t] = slopes[i, t] * logp[i, t]
  return losses


def gradient(weights, logp, logp_old, advantages, mask, *, ratio_cap=1.0):
  """The ratio of the whole response is detached."""
  slopes = np.zeros(mask.shape)
  for i in range(len(mask)):
    tokens = np.flatnonzero(mask[i])
    ratio = 1.0
    for t in tokens:
      ratio *= math.exp(logp[i, t]) / math.exp(logp_old[i, t])
    for t in tokens:
      taper = min(ratio, ratio_cap) if advantages[i, t] < 0 else 1.0
      slopes[i, t] = -weights[i, t] * taper * advantages[i, t]
  return slopes
