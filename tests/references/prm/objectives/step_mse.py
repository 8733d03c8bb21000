"""Cao et al. 2025, the lower objective with equal weights: (V - y)^2."""

import math

import numpy as np

REINFORCE = False  # a regression: there is no policy in it


def step_mse(step_logits, step_labels, mask):
  """Squared distance of the probability to the label at every labelled step."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    p = 1 / (1 + math.exp(-step_logits[i, t]))
    losses[i, t] = (p - step_labels[i, t]) ** 2
  return losses
