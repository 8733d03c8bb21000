"""Zou et al. 2025: mean error of the steps plus the error of the trajectory."""

import math

import numpy as np

REINFORCE = False  # a regression: there is no policy in it
CASES = [{}, {"step_weight": 0.5, "trajectory_weight": 2.0}, {"trajectory_weight": 0.0}]


def step_and_trajectory(
  step_logits, step_labels, mask, *, step_weight=1.0, trajectory_weight=1.0
):
  """Each place's term, such that a row's mean over places is the paper's loss."""
  losses = np.zeros(mask.shape)
  for i in range(len(mask)):
    places = list(np.flatnonzero(mask[i]))
    for t in places:
      score = 1 / (1 + math.exp(-step_logits[i, t]))
      error = (score - step_labels[i, t]) ** 2
      if t == places[-1]:
        losses[i, t] = trajectory_weight * error * len(places)
      else:
        losses[i, t] = step_weight / (len(places) - 1) * error * len(places)
  return losses
