"""Zheng et al. 2025, eqs. 5 and 7: (pi(y) / pi_old(y))^(1/|y|), clipped."""

import math

import numpy as np

REINFORCE = True
CASES = [{}, {"clip_low": 0.3}, {"clip_high": 0.2}, {"clip_low": 0.1, "clip_high": 0.3}]


def gspo(logp, logp_old, advantages, mask, *, clip_low=3e-4, clip_high=4e-4):
  """Each response's clipped objective, negated, on its tokens."""
  losses = np.zeros(mask.shape)
  for i in range(len(mask)):
    tokens = np.flatnonzero(mask[i])
    if len(tokens) == 0:
      continue
    likelihood = math.prod(math.exp(logp[i, t]) for t in tokens)
    likelihood_old = math.prod(math.exp(logp_old[i, t]) for t in tokens)
    ratio = (likelihood / likelihood_old) ** (1 / len(tokens))
    for t in tokens:
      advantage = advantages[i, t]
      # A better policy than the clip allows earns no more than at its edge.
      edge = 1 + clip_high if advantage > 0 else 1 - clip_low
      beyond = ratio > edge if advantage > 0 else ratio < edge
      losses[i, t] = -advantage * (edge if beyond else ratio)
  return losses
