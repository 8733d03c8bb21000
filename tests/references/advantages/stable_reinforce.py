"""Zhang et al. 2025, 3.2: standardised returns, those beyond three sigma dropped."""

import statistics

import numpy as np

CASES = [{}, {"limit": 1.0}, {"discount": 0.5}, {"epsilon": 0.1}]


def stable_reinforce(token_rewards, mask, *, discount=1.0, epsilon=1e-8, limit=3.0):
  """Every token's return by its definition, then z-scores."""
  returns = {}
  for i in range(len(mask)):
    tokens = np.flatnonzero(mask[i])
    for start, t in enumerate(tokens):
      later = enumerate(tokens[start:])
      returns[i, t] = sum(discount**k * token_rewards[i, u] for k, u in later)
  advantages = np.zeros(mask.shape)
  values = list(returns.values())
  if not values or max(values) - min(values) < 1e-6:
    return advantages
  mean, variance = statistics.fmean(values), statistics.pvariance(values)
  for at, value in returns.items():
    z = (value - mean) / (variance + epsilon) ** 0.5
    if -limit <= z <= limit:
      advantages[at] = z
  return advantages
