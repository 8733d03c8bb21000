"""Wang et al. 2023: binary cross-entropy, with hard and soft labels."""

import math

import numpy as np

REINFORCE = False  # a classifier's loss: there is no policy in it


def step_bce(step_logits, step_labels, mask):
  """-y log p - (1 - y) log(1 - p) at every labelled step."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    p = 1 / (1 + math.exp(-step_logits[i, t]))
    y = step_labels[i, t]
    losses[i, t] = -y * math.log(p) - (1 - y) * math.log(1 - p)
  return losses
