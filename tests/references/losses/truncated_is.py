"""Espeholt et al. 2018, 4.2: rho = min(rho-bar, pi / mu) times the policy gradient."""

import math

import numpy as np

REINFORCE = True
CASES = [{}, {"ratio_cap": 1.3}, {"ratio_cap": math.inf}]


def truncated_is(logp, logp_old, advantages, mask, *, ratio_cap=1.0):
  """The weighted log-likelihood, negated, token by token."""
  return gradient(
    np.ones(mask.shape), logp, logp_old, advantages, mask, ratio_cap=ratio_cap
  ) * np.where(mask > 0, logp, 0.0)


def gradient(weights, logp, logp_old, advantages, mask, *, ratio_cap=1.0):
  """The weight is detached."""
  slopes = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    rho = min(ratio_cap, math.exp(logp[i, t]) / math.exp(logp_old[i, t]))
    slopes[i, t] = -weights[i, t] * rho * advantages[i, t]
  return slopes
