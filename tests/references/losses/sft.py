"""Dong et al. 2023: negative log-likelihood of the samples that are left."""

import numpy as np

REINFORCE = False  # -1 on every token, whatever the advantage


def sft(logp, mask):
  """Token by token."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    losses[i, t] = -logp[i, t]
  return losses
