"""Gao et al. 2024, Delta: each step's score less the next one's."""

import numpy as np

CASES = [{}, {"alpha": 1.0}]


def prm_delta(step_scores, step_scored, mask, *, alpha=0.1):
  """Case by case, over the steps that have a score."""
  rewards = np.zeros(mask.shape)
  for i in range(len(mask)):
    ends = [t for t in range(len(mask[i])) if mask[i, t] and step_scored[i, t]]
    last = len(ends)  # K
    for k, t in enumerate(ends, start=1):
      if k < last - 1:
        rewards[i, t] = alpha * (step_scores[i, t] - step_scores[i, ends[k]])
      elif k == last - 1:
        rewards[i, t] = alpha * step_scores[i, t]
  return rewards
