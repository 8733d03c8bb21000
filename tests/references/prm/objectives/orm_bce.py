"""Cobbe et al. 2021, with cross-entropy: the outcome at each token."""

import math

import numpy as np

REINFORCE = False  # a classifier's loss: there is no policy in it


def orm_bce(step_logits, score, mask):
  """-y log p - (1 - y) log(1 - p), y of the response."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    p = 1 / (1 + math.exp(-step_logits[i, t]))
    losses[i, t] = -score[i] * math.log(p) - (1 - score[i]) * math.log(1 - p)
  return losses
