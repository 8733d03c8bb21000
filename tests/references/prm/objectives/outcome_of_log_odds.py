"""Cao et al. 2025: squared error of the outcome, from the mean of the log-odds."""

import math

import numpy as np

REINFORCE = False  # a classifier's loss: there is no policy in it
CASES = [{}, {"epsilon": 0.2}]


def outcome_of_log_odds(step_logits, score, mask, *, epsilon=1e-6):
  """The row's squared error, at every step of it."""
  losses = np.zeros(mask.shape)
  for i in range(len(mask)):
    odds = []
    for t in range(mask.shape[1]):
      if mask[i, t]:
        p = 1 / (1 + math.exp(-step_logits[i, t]))
        p = min(max(p, epsilon), 1 - epsilon)
        odds.append(math.log(p / (1 - p)))
    if not odds:
      continue
    whole = 1 / (1 + math.exp(-sum(odds) / len(odds)))
    losses[i] = mask[i] * (whole - score[i]) ** 2
  return losses
