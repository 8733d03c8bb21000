"""Per-token losses of one response: lists of floats in, list of floats out."""

import math


def ppo_clip(logp, logp_old, advantages, *, clip_low=0.2, clip_high=0.2):
  """Schulman et al. 2017, eq. 7, negated; DAPO eq. 8 for two clip widths."""
  losses = []
  for new, old, advantage in zip(logp, logp_old, advantages, strict=True):
    ratio = math.exp(new - old)
    bounded = ratio
    if ratio > 1 + clip_high:
      bounded = 1 + clip_high
    if ratio < 1 - clip_low:
      bounded = 1 - clip_low
    losses.append(-min(ratio * advantage, bounded * advantage))
  return losses
