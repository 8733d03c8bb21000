"""Ni et al. 2025: PyTorch's BCEWithLogitsLoss of an error, with pos_weight."""

import math

import numpy as np

REINFORCE = False  # a classifier's loss: there is no policy in it
CASES = [{}, {"wrong_weight": 1.0}]


def uheads(step_logits, step_labels, mask, *, wrong_weight=3.0):
  """-pos_weight e log s - (1 - e) log(1 - s), of the error e = 1 - y, at every step."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    error = 1 - step_labels[i, t]
    s = 1 / (1 + math.exp(step_logits[i, t]))  # of the logit of an error
    losses[i, t] = -wrong_weight * error * math.log(s) - (1 - error) * math.log(1 - s)
  return losses
