"""A value within -1..1, moved to 0..1."""

import math

import numpy as np


def tanh_value(step_logits, mask):
  """tanh from exponentials."""
  scores = np.zeros(mask.shape)
  for at in zip(*np.nonzero(mask), strict=True):
    up, down = math.exp(step_logits[at]), math.exp(-step_logits[at])
    scores[at] = 0.5 + 0.5 * (up - down) / (up + down)
  return scores
