"""Cui et al. 2025, eq. 12, with the authors' |log ratio| as the penalty."""

import math

import numpy as np

REINFORCE = True
CASES = [{}, {"fraction": 0.2}, {"fraction": 0.5, "coefficient": 2.0}]


def kl_cov(
  logp,
  logp_old,
  advantages,
  covariance_rank,
  mask,
  *,
  fraction=2e-4,
  coefficient=0.1,
):
  """Importance-weighted advantage, and the penalty on the top tokens."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    change = logp[i, t] - logp_old[i, t]
    losses[i, t] = -advantages[i, t] * math.exp(change)
    if covariance_rank[i, t] <= fraction:
      losses[i, t] += coefficient * max(change, -change)
  return losses
