"""Cheng et al. 2025: rewards of steps against the others' reward per token."""

import numpy as np

CASES = [
  {},
  {"train_separators": True},
  {"outcome_coefficient": 0.0, "train_separators": True},
  {"outcome_coefficient": 2.0},
]


def pure_token(
  token_rewards,
  steps,
  step_scored,
  score,
  group,
  mask,
  *,
  outcome_coefficient=1.0,
  train_separators=False,
):
  """Sums of what follows, with the separators' own left out by default."""
  rows, width = mask.shape
  ends = [
    [t for t in range(width) if mask[i, t] and step_scored[i, t]] for i in range(rows)
  ]
  advantages = np.zeros(mask.shape)
  for i in range(rows):
    tokens = [t for t in range(width) if mask[i, t]]
    if not tokens:
      continue
    rewards = {t: token_rewards[i, t] for t in tokens}
    peers = [
      j for j in range(rows) if j != i and group[j] == group[i] and mask[j].any()
    ]
    judged = [j for j in peers if ends[j]]
    if judged:
      total = sum(token_rewards[j, t] for j in judged for t in ends[j])
      length = sum(1 for j in judged for t in range(width) if mask[j, t])
      for t in ends[i]:
        inside = [s for s in tokens if steps[i, s] == steps[i, t]]
        rewards[t] -= total / length * len(inside)
    verdict = score[i] - 1
    if peers:
      verdict -= sum(score[j] - 1 for j in peers) / len(peers)
    rewards[tokens[-1]] += outcome_coefficient * verdict
    for t in tokens:
      if train_separators or t not in ends[i] or t == tokens[-1]:
        advantages[i, t] = sum(rewards[s] for s in tokens if s >= t)
  return advantages
