"""Li et al. 2023: return minus the reward of the greedy response."""

import numpy as np


def remax(token_rewards, greedy_rewards, mask):
  """What is still to come, minus the row's baseline."""
  advantages = np.zeros(mask.shape)
  for i in range(len(mask)):
    to_come = 0.0
    for t in reversed(range(mask.shape[1])):
      if mask[i, t]:
        to_come += token_rewards[i, t]
        advantages[i, t] = to_come - greedy_rewards[i]
  return advantages
