"""Williams 1992: advantage times log-likelihood."""

import numpy as np

REINFORCE = True


def reinforce(logp, advantages, mask):
  """The objective, negated, token by token."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    losses[i, t] = -advantages[i, t] * logp[i, t]
  return losses
