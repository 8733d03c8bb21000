"""Brantley et al. 2025: V* of samples of the reference model, r - V*."""

import math

import numpy as np

CASES = [{}, {"beta1": 2.0}]


def a_star(rewards, reference_rewards, scored, mask, *, beta1=0.5):
  """Reward minus the soft maximum of the reference's rewards."""
  advantages = np.zeros(mask.shape)
  for i in range(len(rewards)):
    drawn = [r for r in reference_rewards[i] if not math.isnan(r)]
    if not scored[i] or not drawn:
      continue
    tilted = sum(math.exp(r / beta1) for r in drawn) / len(drawn)
    advantages[i] = (rewards[i] - beta1 * math.log(tilted)) * mask[i]
  return advantages
