"""Amari's alpha-divergence from samples of pi."""

import math

import numpy as np

CASES = [{}, {"coefficient": 0.5}, {"alpha": 2.0}, {"alpha": -1.0}, {"alpha": 3.5}]


def alpha_divergence(logp, logp_ref, mask, *, alpha=0.5, coefficient=0.01):
  """One sample of g, with the tangent at u = 1 taken off."""
  terms = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    pi, ref = math.exp(logp[i, t]), math.exp(logp_ref[i, t])
    u = ref / pi
    value = (u**alpha - 1 - alpha * (u - 1)) / (alpha * (alpha - 1))
    terms[i, t] = coefficient * value
  return terms


def gradient(weights, logp, logp_ref, mask, *, alpha=0.5, coefficient=0.01):
  """(g - u g') grad log pi of that g, u = ref / pi."""
  slopes = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    u = math.exp(logp_ref[i, t]) / math.exp(logp[i, t])
    g = (u**alpha - 1 - alpha * (u - 1)) / (alpha * (alpha - 1))
    dg = (u ** (alpha - 1) - 1) / (alpha - 1)
    slopes[i, t] = weights[i, t] * coefficient * (g - u * dg)
  return slopes
