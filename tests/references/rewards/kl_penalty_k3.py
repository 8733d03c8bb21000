"""Schulman's k3, negated."""

import math

import numpy as np

CASES = [{}, {"coefficient": 0.5}]


def kl_penalty_k3(logp_old, logp_ref, mask, *, coefficient=0.02):
  """One reward a token."""
  terms = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    ratio = math.exp(logp_ref[i, t]) / math.exp(logp_old[i, t])
    terms[i, t] = -coefficient * (ratio - math.log(ratio) - 1)
  return terms
