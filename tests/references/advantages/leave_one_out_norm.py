"""NeMo-RL: baseline and standard deviation of the other responses of the prompt."""

import statistics

import numpy as np

CASES = [{}, {"epsilon": 0.1}]


def leave_one_out_norm(rewards, scored, group, mask, *, epsilon=1e-6):
  """A response's z-score among the others, on each of its tokens."""
  advantages = np.zeros(mask.shape)
  for i in range(len(rewards)):
    peers = [
      rewards[j]
      for j in range(len(rewards))
      if j != i and scored[j] and group[j] == group[i]
    ]
    if not scored[i] or not peers:
      continue
    value = rewards[i] - statistics.fmean(peers)
    if len(peers) > 1 and len(set(peers)) > 1:
      value /= statistics.stdev(peers) + epsilon
    advantages[i] = value * mask[i]
  return advantages
