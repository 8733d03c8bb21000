"""Brantley et al. 2025, algorithm 1, line 6: least squares on r - V*."""

import numpy as np

REINFORCE = False  # the gradient is -2 beta A of the whole response
CASES = [{}, {"beta": 0.5}]


def a_star_po(logp, logp_ref, advantages, mask, *, beta=1e-3):
  """The squared error on a response's tokens."""
  losses = np.zeros(mask.shape)
  for i in range(len(mask)):
    tokens = np.flatnonzero(mask[i])
    policy = sum(logp[i, t] for t in tokens)
    reference = sum(logp_ref[i, t] for t in tokens)
    for t in tokens:
      losses[i, t] = (beta * (policy - reference) - advantages[i, t]) ** 2
  return losses
