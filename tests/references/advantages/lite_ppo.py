"""Liu et al. 2025: group-level mean, batch-level standard deviation."""

import statistics

import numpy as np

CASES = [{}, {"epsilon": 0.1}, {"ddof": 0}]


def lite_ppo(rewards, scored, group, mask, *, epsilon=1e-6, ddof=1):
  """A response's distance from its group's mean in deviations of the batch."""
  advantages = np.zeros(mask.shape)
  kept = [i for i in range(len(rewards)) if scored[i]]
  everything = [rewards[i] for i in kept]
  if len(kept) < 2 or max(everything) == min(everything):
    return advantages
  deviation = statistics.stdev if ddof else statistics.pstdev
  for i in kept:
    average = statistics.fmean(rewards[j] for j in kept if group[j] == group[i])
    for t in np.flatnonzero(mask[i]):
      advantages[i, t] = (rewards[i] - average) / (deviation(everything) + epsilon)
  return advantages
