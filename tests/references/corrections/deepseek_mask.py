"""DeepSeek-V3.2, section 3.1: negatives that the policy has moved away from are out."""

import statistics

import numpy as np

CASES = [{}, {"threshold": 0.1}, {"threshold": -0.1}, {"threshold": 0.0}]


def deepseek_mask(logp_now, logp_sampling, advantages, mask, *, threshold=0.5):
  """M_i,t."""
  factors = np.zeros(mask.shape)
  for i in range(len(mask)):
    tokens = np.flatnonzero(mask[i])
    if len(tokens) == 0:
      continue
    divergence = statistics.fmean(logp_sampling[i, t] - logp_now[i, t] for t in tokens)
    for t in tokens:
      factors[i, t] = float(advantages[i, t] >= 0 or divergence <= threshold)
  return factors
