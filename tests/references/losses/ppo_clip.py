"""Schulman et al. 2017, eq. 7; DAPO eq. 8; Ye et al. 2020, eq. 5; INTELLECT-2, 3.4."""

import math

import numpy as np

REINFORCE = True
CASES = [
  {},
  {"clip_low": 0.1, "clip_high": 0.3},
  {"clip_low": 0.3, "clip_high": 0.1},
  {"dual_clip": 1.5},
  {"ratio_cap": 1.3},
]


def ppo_clip(
  logp,
  logp_old,
  advantages,
  mask,
  *,
  clip_low=0.2,
  clip_high=0.2,
  dual_clip=None,
  ratio_cap=None,
):
  """The clipped objective, negated, token by token."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    ratio, advantage = math.exp(logp[i, t] - logp_old[i, t]), advantages[i, t]
    bounded = ratio
    if ratio > 1 + clip_high:
      bounded = 1 + clip_high
    if ratio < 1 - clip_low:
      bounded = 1 - clip_low
    free = ratio if ratio_cap is None else min(ratio, ratio_cap)
    gain = min(free * advantage, bounded * advantage)
    if dual_clip is not None and advantage < 0:
      gain = max(gain, dual_clip * advantage)
    losses[i, t] = -gain
  return losses
