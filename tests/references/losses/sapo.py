"""Gao et al. 2025: f(r) = 4 / tau sigmoid(tau (r - 1)), tau by the advantage's sign."""

import math

import numpy as np

REINFORCE = True
CASES = [{}, {"temperature_pos": 3.0}, {"temperature_neg": 2.0}]


def sapo(
  logp, logp_old, advantages, mask, *, temperature_pos=1.0, temperature_neg=1.05
):
  """The gated objective, negated, token by token."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    tau = temperature_pos if advantages[i, t] > 0 else temperature_neg
    ratio = math.exp(logp[i, t] - logp_old[i, t])
    gate = 4 / (tau * (1 + math.exp(-tau * (ratio - 1))))
    losses[i, t] = -gate * advantages[i, t]
  return losses
