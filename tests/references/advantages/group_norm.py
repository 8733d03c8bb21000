"""DeepSeekMath section 4.1.2: (r - mean(r)) / std(r) within each group."""

import statistics

import numpy as np

CASES = [
  {},
  {"ddof": 0},
  {"epsilon": 0.1},
  {"keep_single": True},
  {"ddof": 0, "epsilon": 0.0, "variance_epsilon": 0.05},
]


def group_norm(
  rewards,
  scored,
  group,
  mask,
  *,
  epsilon=1e-6,
  ddof=1,
  variance_epsilon=0.0,
  keep_single=False,
):
  """A response's z-score on each of its tokens."""
  advantages = np.zeros(mask.shape)
  for i in range(len(rewards)):
    peers = [
      r for r, s, g in zip(rewards, scored, group, strict=True) if s and g == group[i]
    ]
    if not scored[i]:
      continue
    value = 0.0
    if len(peers) == 1 and keep_single:
      value = rewards[i] / (1 + epsilon)
    elif len(peers) > 1 and max(peers) > min(peers):
      variance = statistics.variance(peers) if ddof else statistics.pvariance(peers)
      spread = (variance + variance_epsilon) ** 0.5
      value = (rewards[i] - statistics.fmean(peers)) / (spread + epsilon)
    advantages[i] = value * mask[i]
  return advantages
