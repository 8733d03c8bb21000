"""TRL, RLOOTrainer with normalize_advantages."""

import statistics

import numpy as np

CASES = [{}, {"epsilon": 0.1}, {"ddof": 0}]


def rloo_norm(rewards, scored, group, mask, *, epsilon=1e-4, ddof=1):
  """Leave-one-out advantages, standardised over the batch."""
  rows = range(len(rewards))
  left_out = {}
  for i in rows:
    others = [rewards[j] for j in rows if j != i and scored[j] and group[j] == group[i]]
    if scored[i] and others:
      left_out[i] = rewards[i] - statistics.fmean(others)
  advantages = np.zeros(mask.shape)
  values = list(left_out.values())
  if len(values) < 2 or max(values) - min(values) < 1e-9:
    return advantages
  spread = statistics.stdev(values) if ddof else statistics.pstdev(values)
  for i, value in left_out.items():
    advantages[i] = mask[i] * (value - statistics.fmean(values)) / (spread + epsilon)
  return advantages
