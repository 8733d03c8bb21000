"""KL(ref || pi) = E_pi[g(u)], g = u log u - u + 1."""

import math

import numpy as np

CASES = [{}, {"coefficient": 0.5}]


def forward_kl(logp, logp_ref, mask, *, coefficient=0.01):
  """One sample of g."""
  terms = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    pi, ref = math.exp(logp[i, t]), math.exp(logp_ref[i, t])
    value = ref / pi * math.log(ref / pi) - ref / pi + 1
    terms[i, t] = coefficient * value
  return terms


def gradient(weights, logp, logp_ref, mask, *, coefficient=0.01):
  """(g - u g') grad log pi of that g, u = ref / pi."""
  slopes = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    u = math.exp(logp_ref[i, t]) / math.exp(logp[i, t])
    g, dg = u * math.log(u) - u + 1, math.log(u)
    slopes[i, t] = weights[i, t] * coefficient * (g - u * dg)
  return slopes
