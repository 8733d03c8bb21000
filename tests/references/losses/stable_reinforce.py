"""Zhang et al. 2025: PPO's objective at a ratio held within [ratio_min, ratio_max]."""

import math

import numpy as np

REINFORCE = True
CASES = [
  {},
  {"clip_low": 0.1},
  {"clip_high": 0.4},
  {"ratio_min": 0.9},
  {"ratio_max": 1.1},
]


def stable_reinforce(
  logp,
  logp_old,
  advantages,
  mask,
  *,
  clip_low=0.2,
  clip_high=0.2,
  ratio_min=1e-3,
  ratio_max=1e3,
):
  """The clipped objective, negated, token by token."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    ratio = math.exp(logp[i, t]) / math.exp(logp_old[i, t])
    ratio = min(max(ratio, ratio_min), ratio_max)
    advantage = advantages[i, t]
    inside = min(ratio, 1 + clip_high) if advantage > 0 else max(ratio, 1 - clip_low)
    losses[i, t] = -inside * advantage
  return losses
