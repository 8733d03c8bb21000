"""Cui et al. 2025, eqs. 10 and 12: the order of tokens by covariance."""

import numpy as np


def covariance_rank(logp_now, advantages, mask):
  """The share of tokens whose covariance is no smaller."""
  tokens = list(zip(*np.nonzero(mask), strict=True))
  ranks = np.zeros(mask.shape)
  if not tokens:
    return ranks
  mean_a = sum(advantages[at] for at in tokens) / len(tokens)
  mean_l = sum(logp_now[at] for at in tokens) / len(tokens)
  score = {at: (advantages[at] - mean_a) * (logp_now[at] - mean_l) for at in tokens}
  for at in tokens:
    ranks[at] = sum(1 for other in tokens if score[other] >= score[at]) / len(tokens)
  return ranks
