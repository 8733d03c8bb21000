"""Cheng et al. 2025, the sum form: p(good) - p(bad) of each step."""

import numpy as np

CASES = [{}, {"weight": 0.5}]


def prm_sum(step_scores, step_scored, mask, *, weight=1.0):
  """weight (p(good) - p(bad)) on each scored step's last token."""
  rewards = np.zeros(mask.shape)
  for i in range(len(mask)):
    for t in range(len(mask[i])):
      if mask[i, t] and step_scored[i, t]:
        good = step_scores[i, t]
        rewards[i, t] = weight * (good - (1 - good))
  return rewards
