"""The probability of one output."""

import math

import numpy as np

CASES = [{}, {"index": 0}, {"index": 2}]


def one_quantile(step_outputs, mask, *, index=1):
  """Odds are exp(z)."""
  scores = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    odds = math.exp(step_outputs[i, t, index])
    scores[i, t] = odds / (1 + odds)
  return scores
