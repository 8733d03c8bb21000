"""Each head's probability, averaged."""

import math

import numpy as np


def mean_of_heads(step_outputs, mask):
  """The mean over heads of right / (right + wrong)."""
  scores = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    odds = [math.exp(z) for z in step_outputs[i, t]]
    scores[i, t] = sum(o / (1 + o) for o in odds) / len(odds)
  return scores
