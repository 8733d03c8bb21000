"""Ahmadian et al. 2024: each response against the mean of the k - 1 others."""

import numpy as np

CASES = [{}, {"keep_single": True}]


def rloo(rewards, scored, group, mask, *, keep_single=False):
  """Reward minus the mean of the others, on each token."""
  rows = range(len(rewards))
  advantages = np.zeros(mask.shape)
  for i in rows:
    others = [j for j in rows if j != i and scored[j] and group[j] == group[i]]
    if not scored[i] or (not others and not keep_single):
      continue
    baseline = sum(rewards[j] for j in others) / len(others) if others else 0.0
    advantages[i] = np.where(mask[i] > 0, rewards[i] - baseline, 0.0)
  return advantages
