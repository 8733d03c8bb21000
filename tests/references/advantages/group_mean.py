"""Liu et al. 2025: R(q, o_i) minus the mean of its group, without the division."""

import numpy as np

CASES = [{}, {"keep_single": True}]


def group_mean(rewards, scored, group, mask, *, keep_single=False):
  """A response's distance from its group's mean on each of its tokens."""
  advantages = np.zeros(mask.shape)
  for name in set(group):
    members = [i for i in range(len(group)) if group[i] == name and scored[i]]
    average = sum(rewards[i] for i in members) / max(len(members), 1)
    if len(members) == 1 and keep_single:
      average = 0.0
    for i in members:
      advantages[i, mask[i] > 0] = rewards[i] - average
  return advantages
