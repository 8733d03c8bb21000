"""Gao et al. 2024, Clip then Delta, case by case."""

import numpy as np

CASES = [{}, {"alpha": 1.0}, {"eta": 0.7}, {"eta": 0.0}]


def prm_clip_delta(step_scores, step_scored, mask, *, alpha=0.1, eta=None):
  """Differences of the clipped scores of a row's steps."""
  found = []
  for i in range(len(mask)):
    for t in range(len(mask[i])):
      if mask[i, t] and step_scored[i, t]:
        found.append(step_scores[i, t])
  if eta is None:
    eta = sum(found) / len(found) if found else 0.0
  rewards = np.zeros(mask.shape)
  for i in range(len(mask)):
    ends = [t for t in range(len(mask[i])) if mask[i, t] and step_scored[i, t]]
    c = [min(step_scores[i, t] - eta, 0.0) for t in ends]
    for k in range(len(ends) - 1):  # the last one has no reward
      after = c[k + 1] if k + 1 < len(ends) - 1 else 0.0
      rewards[i, ends[k]] = alpha * (c[k] - after)
  return rewards
