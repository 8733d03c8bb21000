"""Liu et al. 2026: normalised apart, summed, normalised over the batch."""

import statistics

import numpy as np

CASES = [{}, {"weights": (1.0, 0.25)}, {"epsilon": 0.1}, {"ddof": 0}]


def gdpo(reward_parts, scored, group, mask, *, weights=None, epsilon=1e-4, ddof=1):
  """The weighted sum of z-scores of the rewards, standardised."""
  deviation = statistics.stdev if ddof else statistics.pstdev
  kept = [i for i in range(len(scored)) if scored[i]]
  sums = dict.fromkeys(kept, 0.0)
  for i in kept:
    for k in range(reward_parts.shape[1]):
      peers = [reward_parts[j, k] for j in kept if group[j] == group[i]]
      if len(set(peers)) < 2:
        continue
      z = (reward_parts[i, k] - statistics.fmean(peers)) / (deviation(peers) + epsilon)
      sums[i] += z * (1.0 if weights is None else weights[k])
  advantages = np.zeros(mask.shape)
  values = list(sums.values())
  if len(set(values)) > 1:
    for i in kept:
      z = (sums[i] - statistics.fmean(values)) / (deviation(values) + epsilon)
      advantages[i] = z * mask[i]
  return advantages
