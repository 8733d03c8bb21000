"""Cui et al. 2025, eqs. 10-11: random tokens of high covariance are detached."""

import fractions
import math

import numpy as np

CASES = [
  {"covariance": (0.05, 2.0), "fraction": 0.1},
  {"covariance": (0.05, 2.0), "fraction": 0.3},
  {"covariance": (-1.0, 0.1), "fraction": 0.2},
  {"covariance": (-9.0, 9.0), "fraction": 1.0},
  {"covariance": (-9.0, 9.0), "fraction": 1.0, "clip": (0.5, 0.1)},
  {"covariance": (-9.0, 9.0), "fraction": 1.0, "clip": (0.1, 0.5)},
  {},
]


def clip_cov(
  logp_now,
  logp_old,
  advantages,
  noise,
  mask,
  *,
  fraction=2e-4,
  covariance=(1.0, 5.0),
  clip=(0.2, 0.2),
):
  """0 on the chosen tokens: those that draw the least noise."""
  tokens = list(zip(*np.nonzero(mask), strict=True))
  factors = np.array(mask)
  if not tokens:
    return factors
  mean_a = sum(advantages[at] for at in tokens) / len(tokens)
  mean_l = sum(logp_now[at] for at in tokens) / len(tokens)
  eligible = []
  for at in tokens:
    cov = (advantages[at] - mean_a) * (logp_now[at] - mean_l)
    ratio = math.exp(logp_now[at] - logp_old[at])
    clipped = ratio > 1 + clip[1] if advantages[at] > 0 else ratio < 1 - clip[0]
    if covariance[0] < cov < covariance[1] and not (clipped and advantages[at] != 0):
      eligible.append((noise[at], at))
  budget = max(math.floor(fractions.Fraction(str(fraction)) * len(tokens)), 1)
  for _, at in sorted(eligible)[:budget]:
    factors[at] = 0.0
  return factors
