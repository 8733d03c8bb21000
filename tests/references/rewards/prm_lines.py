"""Dai et al. 2024: the score of each line, shared out over the lines."""

import numpy as np

CASES = [{}, {"lambda_": 1.0}, {"scale": 2.0, "shift": -1.0}]


def prm_lines(step_scores, step_scored, mask, *, lambda_=0.25, scale=1.0, shift=0.0):
  """lambda_ (scale score + shift) / lines at the end of each scored line."""
  rewards = np.zeros(mask.shape)
  for i in range(len(mask)):
    ends = [t for t in range(len(mask[i])) if mask[i, t] and step_scored[i, t]]
    for t in ends:
      rewards[i, t] = lambda_ * (scale * step_scores[i, t] + shift) / len(ends)
  return rewards
