"""prime-rl: importance-weighted advantage where |p - p_b| is small, plus a square."""

import math

import numpy as np

REINFORCE = True
CASES = [{}, {"limit": 0.05}, {"limit": 0.1, "coefficient": 1.5}]


def ipo(logp, logp_sampling, advantages, mask, *, limit=0.3, coefficient=1e-3):
  """Two terms, of which the trust region masks the first."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    p, b = math.exp(logp[i, t]), math.exp(logp_sampling[i, t])
    losses[i, t] = coefficient * math.log(p / b) ** 2
    if abs(min(p, 1) - min(b, 1)) <= limit:
      losses[i, t] -= advantages[i, t] * p / b
  return losses
