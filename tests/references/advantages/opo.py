"""Hao et al. 2025: the baseline weighs rewards by the lengths of responses."""

import numpy as np

CASES = [{}, {"keep_single": True}]


def opo(rewards, scored, group, mask, *, keep_single=False):
  """Counts every token of the group as one sample of its response's reward."""
  advantages = np.zeros(mask.shape)
  for name in np.unique(group):
    members = [i for i in np.flatnonzero(group == name) if scored[i]]
    per_token = [rewards[i] for i in members for _ in range(int(mask[i].sum()))]
    if not per_token:
      continue
    baseline = sum(per_token) / len(per_token)
    if keep_single and len(members) == 1:
      baseline = 0.0
    for i in members:
      advantages[i] = mask[i] * (rewards[i] - baseline)
  return advantages
