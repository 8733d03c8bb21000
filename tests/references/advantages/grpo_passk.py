"""Tang et al. 2025: leave-one-out of the maximum, as verl's grpo_passk sorts for it."""

import statistics

import numpy as np

CASES = [{}, {"divide_by_std": True}, {"divide_by_std": True, "epsilon": 0.1}]


def grpo_passk(rewards, scored, group, mask, *, divide_by_std=False, epsilon=1e-6):
  """The best response gets its lead over the second."""
  advantages = np.zeros(mask.shape)
  for name in np.unique(group):
    members = [i for i in np.flatnonzero(group == name) if scored[i]]
    if len(members) < 2:
      continue
    *_, second, first = sorted(members, key=lambda i: rewards[i])
    lead = rewards[first] - rewards[second]
    if divide_by_std:
      lead /= statistics.stdev(rewards[i] for i in members) + epsilon
    advantages[first] = lead * mask[first]
  return advantages
