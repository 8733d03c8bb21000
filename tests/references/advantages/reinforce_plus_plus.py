"""Hu et al. 2025: sum of rewards to come, normalised over the batch."""

import math

import numpy as np

CASES = [{}, {"discount": 0.8}, {"epsilon": 0.5}, {"ddof": 0}]


def reinforce_plus_plus(token_rewards, mask, *, discount=1.0, epsilon=1e-8, ddof=1):
  """Each trained token's discounted sum of what comes, in deviations of the batch."""
  sums = {}
  for i in range(len(mask)):
    trained = [t for t in range(mask.shape[1]) if mask[i, t]]
    for first, t in enumerate(trained):
      sums[i, t] = sum(
        discount**later * token_rewards[i, s] for later, s in enumerate(trained[first:])
      )
  advantages = np.zeros(mask.shape)
  if not sums or max(sums.values()) - min(sums.values()) < 1e-9:
    return advantages
  mean = math.fsum(sums.values()) / len(sums)
  squares = math.fsum((value - mean) ** 2 for value in sums.values())
  scale = math.sqrt(squares / (len(sums) - ddof) + epsilon)
  for at, value in sums.items():
    advantages[at] = (value - mean) / scale
  return advantages
