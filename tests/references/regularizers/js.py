"""Half KL(pi || m) plus half KL(ref || m), from samples of pi."""

import math

import numpy as np

CASES = [{}, {"coefficient": 0.5}]


def js(logp, logp_ref, mask, *, coefficient=0.01):
  """One sample: each KL is an expectation over pi of ratio times log."""
  terms = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    pi, ref = math.exp(logp[i, t]), math.exp(logp_ref[i, t])
    m = (pi + ref) / 2
    value = math.log(pi / m) / 2 + ref / pi * math.log(ref / m) / 2
    terms[i, t] = coefficient * value
  return terms


def gradient(weights, logp, logp_ref, mask, *, coefficient=0.01):
  """(g - u g') grad log pi of that g, u = ref / pi."""
  slopes = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    u = math.exp(logp_ref[i, t]) / math.exp(logp[i, t])
    g = (u * math.log(u) - (1 + u) * math.log((1 + u) / 2)) / 2
    dg = (math.log(u) - math.log((1 + u) / 2)) / 2
    slopes[i, t] = weights[i, t] * coefficient * (g - u * dg)
  return slopes
