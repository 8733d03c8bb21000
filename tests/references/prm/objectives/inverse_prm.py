"""Choudhury 2025, iqlearn.py: cross-entropy on Q(s, a) - gamma Q(s', a')."""

import math

import numpy as np

REINFORCE = False  # a classifier's loss: there is no policy in it
CASES = [{}, {"gamma": 0.0}, {"gamma": 1.0}]


def inverse_prm(step_logits, score, mask, *, gamma=0.95):
  """The loss at every step of every row."""
  losses = np.zeros(mask.shape)
  for i in range(len(mask)):
    places = [t for t in range(mask.shape[1]) if mask[i, t]]
    for k, t in enumerate(places):
      d = step_logits[i, t]
      if k + 1 < len(places):
        d -= gamma * step_logits[i, places[k + 1]]
      p = 1 / (1 + math.exp(-d))
      losses[i, t] = -score[i] * math.log(p) - (1 - score[i]) * math.log(1 - p)
  return losses
