"""The logistic function of one number a step."""

import math

import numpy as np


def sigmoid(step_logits, mask):
  """Odds of right to wrong are exp(z)."""
  scores = np.zeros(mask.shape)
  for at in zip(*np.nonzero(mask), strict=True):
    odds = math.exp(step_logits[at])
    scores[at] = odds / (1 + odds)
  return scores
