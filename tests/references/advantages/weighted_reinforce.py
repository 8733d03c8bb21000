"""Zhu et al. 2025: lambda on right responses, -1 on wrong ones."""

import numpy as np

CASES = [{}, {"positive_weight": 1.0}, {"threshold": 0.0}]


def weighted_reinforce(rewards, scored, mask, *, positive_weight=0.1, threshold=0.5):
  """A constant for each outcome."""
  advantages = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    if scored[i]:
      advantages[i, t] = positive_weight if rewards[i] > threshold else -1.0
  return advantages
