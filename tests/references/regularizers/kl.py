"""Liu et al. 2025: k3 for the value, the gradient of k2."""

import math

import numpy as np

CASES = [{}, {"coefficient": 0.5}]


def kl(logp, logp_ref, mask, *, coefficient=0.001):
  """The k3 estimator."""
  terms = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    u = math.exp(logp_ref[i, t] - logp[i, t])
    terms[i, t] = coefficient * (u - 1 - math.log(u))
  return terms


def gradient(weights, logp, logp_ref, mask, *, coefficient=0.001):
  """Of half the squared log-ratio."""
  slopes = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    slopes[i, t] = weights[i, t] * coefficient * (logp[i, t] - logp_ref[i, t])
  return slopes
