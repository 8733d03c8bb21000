"""DeepSeek-V3.2: the k3 estimator, weighted by pi / pi_old."""

import math

import numpy as np

CASES = [{}, {"coefficient": 0.5}]


def kl_importance(logp, logp_old, logp_ref, mask, *, coefficient=0.001):
  """pi/pi_old * (ref/pi - log(ref/pi) - 1)."""
  terms = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    pi, old, ref = (math.exp(x[i, t]) for x in (logp, logp_old, logp_ref))
    terms[i, t] = coefficient * (ref - pi * math.log(ref / pi) - pi) / old
  return terms
