"""Zhao et al. 2025, eq. 4: the n-th root of the product of the clipped ratios."""

import math

import numpy as np

REINFORCE = True
CASES = [{}, {"log_clip_low": 0.1}, {"log_clip_high": 0.05}]


def gmpo(logp, logp_old, advantages, mask, *, log_clip_low=0.4, log_clip_high=0.4):
  """Each response's objective, negated, on its tokens."""
  losses = np.zeros(mask.shape)
  for i in range(len(mask)):
    tokens = np.flatnonzero(mask[i])
    product = 1.0
    for t in tokens:
      ratio = math.exp(logp[i, t] - logp_old[i, t])
      if advantages[i, t] > 0:
        product *= min(ratio, math.exp(log_clip_high))
      elif advantages[i, t] < 0:
        product *= max(ratio, math.exp(-log_clip_low))
    if len(tokens):
      advantage = sum(advantages[i, t] for t in tokens) / len(tokens)
      losses[i, tokens] = -advantage * product ** (1 / len(tokens))
  return losses
