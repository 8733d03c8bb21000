"""Wang et al. 2025: the top fraction of the batch's tokens by entropy."""

import fractions
import math

import numpy as np

CASES = [{}, {"fraction": 0.5}, {"fraction": 1.0}, {"fraction": 0.01}]


def top_entropy_tokens(mask, entropy_old, *, fraction=0.2):
  """The mask that is left: a token stays if fewer than k are above it."""
  trained = [entropy_old[i, t] for i, t in zip(*np.nonzero(mask), strict=True)]
  k = math.ceil(fractions.Fraction(str(fraction)) * len(trained))
  left = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    above = sum(1 for other in trained if other > entropy_old[i, t])
    left[i, t] = float(above < k)
  return left
