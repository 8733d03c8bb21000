"""Qi et al. 2026: policy gradient while the drawn token's binary KL is small."""

import math

import numpy as np

REINFORCE = True
CASES = [
  {},
  {"divergence_low": 0.002},
  {"divergence_high": 0.002},
  {"ratio_cap": 1.1},
]


def _weight(new, drawn, advantage, low, high, cap):
  """M_t times the capped ratio."""
  kl = 0.0
  p, mu = min(math.exp(new), 1.0), min(math.exp(drawn), 1.0)
  for before, after in ((mu, p), (1 - mu, 1 - p)):
    if before > 0:
      kl += before * math.log(max(before, 1e-8) / max(after, 1e-8))
  if advantage > 0 and p > mu and kl > high:
    return 0.0
  if advantage < 0 and p < mu and kl > low:
    return 0.0
  ratio = math.exp(new - drawn)
  return ratio if cap is None else min(ratio, cap)


def dppo_kl(
  logp,
  logp_sampling,
  advantages,
  mask,
  *,
  divergence_low=0.05,
  divergence_high=0.05,
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
  divergence_low=0.05,
  divergence_high=0.05,
  ratio_cap=None,
):
  """The mask and the ratio are detached."""
  limits = (divergence_low, divergence_high, ratio_cap)
  slopes = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    weight = _weight(logp[i, t], logp_sampling[i, t], advantages[i, t], *limits)
    slopes[i, t] = -weights[i, t] * weight * advantages[i, t]
  return slopes
