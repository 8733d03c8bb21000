"""Cheng et al. 2025: rewards of steps against the others' reward per step."""

import numpy as np

CASES = [
  {},
  {"train_separators": True},
  {"outcome_coefficient": 0.0, "train_separators": True},
  {"outcome_coefficient": 2.0},
]


def pure_step(
  token_rewards,
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
  advantages = np.zeros(mask.shape)
  for i in range(rows):
    tokens = [t for t in range(width) if mask[i, t]]
    if not tokens:
      continue
    peers = [
      j for j in range(rows) if j != i and group[j] == group[i] and mask[j].any()
    ]
    per_step = []
    for j in peers:
      found = [
        token_rewards[j, t] for t in range(width) if mask[j, t] and step_scored[j, t]
      ]
      if found:
        per_step.append(sum(found) / len(found))
    baseline = sum(per_step) / len(per_step) if per_step else 0.0
    verdict = score[i] - 1
    if peers:
      verdict -= sum(score[j] - 1 for j in peers) / len(peers)
    later = 0.0
    for t in reversed(tokens):
      later += token_rewards[i, t]
      if step_scored[i, t]:
        later -= baseline
      if t == tokens[-1]:
        later += outcome_coefficient * verdict
      if train_separators or not step_scored[i, t] or t == tokens[-1]:
        advantages[i, t] = later
  return advantages
