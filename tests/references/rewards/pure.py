"""Cheng et al. 2025: step scores weighted towards the worst."""

import math

import numpy as np

CASES = [{}, {"temperature": 1.0}, {"temperature": 0.02}]


def pure(step_scores, step_scored, mask, *, temperature=0.1):
  """w_k p_k on each scored step's last token."""
  rewards = np.zeros(mask.shape)
  for i in range(len(mask)):
    ends = [t for t in range(len(mask[i])) if mask[i, t] and step_scored[i, t]]
    p = [step_scores[i, t] - (1 - step_scores[i, t]) for t in ends]
    for k, t in enumerate(ends):
      # 1 / w_k: each step's weight relative to that of step k.
      share = sum(math.exp((p[k] - other) / temperature) for other in p)
      rewards[i, t] = p[k] / share
  return rewards
