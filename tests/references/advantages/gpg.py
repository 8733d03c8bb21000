"""Chu et al. 2025: r - mean, times B / (B - M)."""

import numpy as np


def gpg(rewards, scored, group, mask):
  """Centred rewards, scaled by how much of the batch has a gradient."""
  advantages = np.zeros(mask.shape)
  total = silent = 0
  for name in np.unique(group):
    members = [i for i in np.flatnonzero(group == name) if scored[i]]
    total += len(members)
    values = {rewards[i] for i in members}
    if len(values) <= 1:
      silent += len(members)
      continue
    for i in members:
      advantages[i] = (rewards[i] - np.mean(rewards[members])) * mask[i]
  return advantages * total / (total - silent) if total > silent else advantages
