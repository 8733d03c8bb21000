"""Zheng et al. 2025, eqs. 13, 14 and 17: gspo's value, each token's own gradient."""

import numpy as np

REINFORCE = True
CASES = [{}, {"clip_low": 0.3}, {"clip_high": 0.2}, {"clip_low": 0.1, "clip_high": 0.3}]


def _ratios(logp, logp_old, mask):
  """s_i of each row."""
  ratios = []
  for new, old, on in zip(logp, logp_old, mask, strict=True):
    gaps = [a - b for a, b, m in zip(new, old, on, strict=True) if m]
    ratios.append(np.exp(np.mean(gaps)) if gaps else 1.0)
  return ratios


def gspo_token(logp, logp_old, advantages, mask, *, clip_low=3e-4, clip_high=4e-4):
  """The clipped objective with the row's ratio, negated."""
  losses = np.zeros(mask.shape)
  for i, ratio in enumerate(_ratios(logp, logp_old, mask)):
    inside = min(max(ratio, 1 - clip_low), 1 + clip_high)
    for t in np.flatnonzero(mask[i]):
      losses[i, t] = -min(ratio * advantages[i, t], inside * advantages[i, t])
  return losses


def gradient(
  weights, logp, logp_old, advantages, mask, *, clip_low=3e-4, clip_high=4e-4
):
  """-s_i A_t on the tokens that the clip leaves."""
  slopes = np.zeros(mask.shape)
  for i, ratio in enumerate(_ratios(logp, logp_old, mask)):
    for t in np.flatnonzero(mask[i]):
      advantage = advantages[i, t]
      over = advantage > 0 and ratio > 1 + clip_high
      under = advantage < 0 and ratio < 1 - clip_low
      if not over and not under:
        slopes[i, t] = -weights[i, t] * ratio * advantage
  return slopes
