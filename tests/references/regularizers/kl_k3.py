"""DeepSeekMath, eq. 4."""

import math

import numpy as np

CASES = [{}, {"coefficient": 0.5}]


def kl_k3(logp, logp_ref, mask, *, coefficient=0.04):
  """ref/pi - log(ref/pi) - 1, times beta."""
  terms = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    new, ref = logp[i, t], logp_ref[i, t]
    terms[i, t] = coefficient * (math.exp(ref) / math.exp(new) - (ref - new) - 1)
  return terms
