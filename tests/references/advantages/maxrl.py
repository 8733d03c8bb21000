"""Tajwar et al. 2026: (r - mean) / mean, nothing for a group all wrong."""

import numpy as np

CASES = [{}, {"epsilon": 0.1}]


def maxrl(rewards, scored, group, mask, *, epsilon=0.0):
  """Relative distance from the group's mean."""
  advantages = np.zeros(mask.shape)
  for i in range(len(rewards)):
    if scored[i]:
      average = np.average(rewards[(group == group[i]) & (scored > 0)])
      if average > 0:
        advantages[i] = (rewards[i] - average) / (average + epsilon) * mask[i]
  return advantages
