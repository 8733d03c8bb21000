"""Pan et al. 2023, per step: the score of a step where it ends."""

import numpy as np

CASES = [{}, {"alpha": 0.3}]


def prm_step(step_scores, step_scored, mask, *, alpha=1.0):
  """alpha times the score on each scored step's last token."""
  rewards = np.zeros(mask.shape)
  for i in range(len(mask)):
    for t in range(len(mask[i])):
      if mask[i, t] and step_scored[i, t]:
        rewards[i, t] = alpha * step_scores[i, t]
  return rewards
