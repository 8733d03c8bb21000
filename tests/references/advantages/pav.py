"""Setlur et al. 2024: outcome over its baseline, plus the progress of the own step."""

import numpy as np

CASES = [
  {},
  {"prover_k": 1},
  {"alpha": 0.0},
  {"alpha": 5.0, "prover_k": 32},
]


def pav(
  rewards, step_scores, step_scored, steps, group, mask, *, alpha=3.0, prover_k=4
):
  """(1 - Q before)^K - (1 - Q now)^K on the tokens of each scored step."""
  rows, width = mask.shape
  advantages = np.zeros(mask.shape)
  for i in range(rows):
    peers = [j for j in range(rows) if group[j] == group[i] and mask[j].any()]
    if not mask[i].any():
      continue
    rate = sum(rewards[j] for j in peers) / len(peers)
    progress, before = {}, min(max(rate, 0.0), 1.0)
    for t in range(width):
      if mask[i, t] and step_scored[i, t]:
        now = min(max(step_scores[i, t], 0.0), 1.0)
        progress[steps[i, t]] = (1 - before) ** prover_k - (1 - now) ** prover_k
        before = now
    for t in range(width):
      if mask[i, t]:
        advantages[i, t] = rewards[i] - rate + alpha * progress.get(steps[i, t], 0.0)
  return advantages
