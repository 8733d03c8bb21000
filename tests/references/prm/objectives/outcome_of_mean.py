"""Cao and Xie 2025: how far the mean probability of the outcome's token is from 1."""

import math

import numpy as np

REINFORCE = False  # a classifier's loss: there is no policy in it


def outcome_of_mean(step_outputs, score, mask, *, outputs=2):
  """The row's squared error, at every step of it."""
  losses = np.zeros(mask.shape)
  assert step_outputs.shape[-1] == outputs
  for i in range(len(mask)):
    found = []
    for t in range(mask.shape[1]):
      if mask[i, t]:
        wrong, right = (math.exp(z) for z in step_outputs[i, t])
        found.append((right if score[i] > 0.5 else wrong) / (wrong + right))
    for t in range(mask.shape[1]):
      if mask[i, t]:
        losses[i, t] = (sum(found) / len(found) - 1) ** 2
  return losses
