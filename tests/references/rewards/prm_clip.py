"""Gao et al. 2024, Clip: what a step's score lacks to eta."""

import numpy as np

CASES = [{}, {"alpha": 1.0}, {"eta": 0.7}, {"eta": 0.0}]


def prm_clip(step_scores, step_scored, mask, *, alpha=0.1, eta=None):
  """0 on steps as good as eta, the mean of all scored steps where none is given."""
  rows, width = mask.shape
  ends = [
    (i, t)
    for i in range(rows)
    for t in range(width)
    if mask[i, t] and step_scored[i, t]
  ]
  if eta is None and ends:
    eta = sum(step_scores[end] for end in ends) / len(ends)
  rewards = np.zeros(mask.shape)
  for end in ends:
    if step_scores[end] < eta:
      rewards[end] = alpha * (step_scores[end] - eta)
  return rewards
