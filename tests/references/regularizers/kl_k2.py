"""Schulman's k2: half the squared log of ref / pi."""

import math

import numpy as np

CASES = [{}, {"coefficient": 0.5}]


def kl_k2(logp, logp_ref, mask, *, coefficient=0.001):
  """log(ref / pi)^2 / 2, times the coefficient."""
  terms = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    pi, ref = math.exp(logp[i, t]), math.exp(logp_ref[i, t])
    terms[i, t] = coefficient * math.log(ref / pi) ** 2 / 2
  return terms
