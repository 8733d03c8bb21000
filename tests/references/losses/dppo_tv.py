"""Qi et al. 2026: policy gradient while the drawn token's binary TV is small."""

import math

import numpy as np

REINFORCE = True
CASES = [
  {},
  {"divergence_low": 0.02},
  {"divergence_high": 0.02},
  {"ratio_cap": 1.1},
]


def _weight(new, drawn, advantage, low, high, cap):
  """M_t times the capped ratio."""
  p, mu = min(math.exp(new), 1.0), min(math.exp(drawn), 1.0)
  distance = (abs(p - mu) + abs((1 - p) - (1 - mu))) / 2
  leaving = (advantage > 0 and p > mu) or (advantage < 0 and p < mu)
  if leaving and distance > (high if advantage > 0 else low):
    return 0.0
  ratio = math.exp(new - drawn)
  return ratio if cap is None else min(ratio, cap)


def dppo_tv(
  logp,
  logp_sampling,
  advantages,
  mask,
  *,
  divergence_low=0.15,
  divergence_high=0.15,
  ratio_cap=None,
):
  """The masked, weighted log-likelihood, negated."""
  limits = (divergence_low, divergence_high, ratio_cap)
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    weight = _weight(logp[i, t], logp_sampling[i, t], advantages[i, t], *limits)
    losses[i, t] = -weight * advantages[i, t] * logp[i, t]
  return losses


def gradient(
  weights,
  logp,
  logp_sampling,
  advantages,
  mask,
  *,
  divergence_low=0.15,
  divergence_high=0.15,
  ratio_cap=None,
):
  """The mask and the ratio are detached."""
  limits = (divergence_low, divergence_high, ratio_cap)
  slopes = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    weight = _weight(logp[i, t], logp_sampling[i, t], advantages[i, t], *limits)
    slopes[i, t] = -weights[i, t] * weight * advantages[i, t]
  return slopes
