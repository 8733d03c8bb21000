"""Richemond et al. 2024, eq. 6, for single tokens: log-likelihood minus a square."""

import numpy as np

REINFORCE = True
CASES = [{}, {"beta": 1.5}]


def dro(logp, logp_old, advantages, mask, *, beta=0.1):
  """The objective, negated."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    change = logp[i, t] - logp_old[i, t]
    objective = logp[i, t] * advantages[i, t] - beta / 2 * change * change
    losses[i, t] = -objective
  return losses
