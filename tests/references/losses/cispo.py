"""MiniMax-M1 2025, eqs. 4 and 5: the importance weight is clipped and detached."""

import math

import numpy as np

REINFORCE = True
CASES = [
  {},
  {"clip_high": 0.2},
  {"clip_high": 0.2, "clip_low": 0.1},
  {"clip_high": math.inf, "clip_low": 0.2},
]


def _weight(new, old, clip_low, clip_high):
  ratio = math.exp(new) / math.exp(old)
  if ratio > 1 + clip_high:
    return 1 + clip_high
  if clip_low is not None and ratio < 1 - clip_low:
    return 1 - clip_low
  return ratio


def cispo(logp, logp_old, advantages, mask, *, clip_low=None, clip_high=4.0):
  """The weighted log-likelihood, negated, token by token."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    weight = _weight(logp[i, t], logp_old[i, t], clip_low, clip_high)
    losses[i, t] = -weight * advantages[i, t] * logp[i, t]
  return losses


def gradient(
  weights, logp, logp_old, advantages, mask, *, clip_low=None, clip_high=4.0
):
  """No token loses its gradient."""
  slopes = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    weight = _weight(logp[i, t], logp_old[i, t], clip_low, clip_high)
    slopes[i, t] = -weights[i, t] * advantages[i, t] * weight
  return slopes
