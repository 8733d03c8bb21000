"""Yuan et al. 2024: cross-entropy of the outcome; rewards are log-likelihood ratios."""

import math

import numpy as np

REINFORCE = False  # a classifier's loss, by means of the policy
CASES = [{}, {"beta": 0.7}]


def implicit_ce(logp, logp_ref, score, mask, *, beta=0.05):
  """A response's loss, on its tokens."""
  losses = np.zeros(mask.shape)
  for i in range(len(mask)):
    tokens = np.flatnonzero(mask[i])
    likelihood = math.prod(math.exp(logp[i, t]) for t in tokens)
    likelihood_ref = math.prod(math.exp(logp_ref[i, t]) for t in tokens)
    odds = (likelihood / likelihood_ref) ** beta
    p = odds / (1 + odds)
    for t in tokens:
      losses[i, t] = -score[i] * math.log(p) - (1 - score[i]) * math.log(1 - p)
  return losses
