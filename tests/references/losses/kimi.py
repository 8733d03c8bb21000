"""Kimi k1.5, eq. 3, integrated: one loss a response."""

import numpy as np

REINFORCE = False  # summed over tokens: see tests/test_off_policy.py
CASES = [{}, {"tau": 1.5}]


def kimi(logp, logp_old, advantages, mask, *, tau=0.1):
  """Each response's loss on its tokens."""
  losses = np.zeros(mask.shape)
  for i in range(len(mask)):
    change = pull = 0.0
    for t in np.flatnonzero(mask[i]):
      change += logp[i, t] - logp_old[i, t]
      pull += advantages[i, t] * logp[i, t]
    losses[i] = mask[i] * (tau / 2 * change**2 - pull)
  return losses
