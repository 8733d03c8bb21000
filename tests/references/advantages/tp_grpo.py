"""He et al. 2025: the values of the propositions, token by token."""

import math

import numpy as np

CASES = [{}, {"alpha": 0.3}, {"threshold": 0.2}, {"threshold": 0.9}]


def tp_grpo(
  rewards, step_scores, step_scored, steps, group, mask, *, alpha=1.0, threshold=0.5
):
  """By outcome and by the verdict on the step that a token is of."""
  rows, width = mask.shape
  advantages = np.zeros(mask.shape)
  for i in range(rows):
    peers = [j for j in range(rows) if group[j] == group[i] and mask[j].any()]
    if not mask[i].any():
      continue
    right = sum(1 for j in peers if rewards[j] > 0)
    n = len(peers)
    mean = (2 * right - n) / n
    z = 0.0
    if 0 < right < n:
      squares = right * (1 - mean) ** 2 + (n - right) * (-1 - mean) ** 2
      z = ((1 if rewards[i] > 0 else -1) - mean) / math.sqrt(squares / (n - 1))
    verdict = {
      steps[i, t]: step_scores[i, t] >= threshold
      for t in range(width)
      if mask[i, t] and step_scored[i, t]
    }
    for t in range(width):
      if not mask[i, t]:
        continue
      high = verdict.get(steps[i, t], True)
      if high:
        advantages[i, t] = z
      elif rewards[i] > 0:
        advantages[i, t] = z - alpha * right / n
      else:
        advantages[i, t] = 0.0
  return advantages
