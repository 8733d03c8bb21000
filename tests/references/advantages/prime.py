"""Cui et al. 2025, the authors' repository: two sources, each against the others."""

import numpy as np

CASES = [
  {},
  {"batch_norm": False},
  {"discount": 0.9},
  {"process_coefficient": 0.0},
  {"outcome_coefficient": 0.0, "batch_norm": False},
]


def against_the_others(rewards, group):
  """Each row's {token: reward} times n / (n - 1), less the sum of means / (n - 1)."""
  centred = {}
  for i in rewards:
    peers = [j for j in rewards if group[j] == group[i]]
    n = len(peers)
    means = sum(sum(rewards[j].values()) / len(rewards[j]) for j in peers)
    if n == 1:
      centred[i] = dict(rewards[i])
    else:
      centred[i] = {t: r * n / (n - 1) - means / (n - 1) for t, r in rewards[i].items()}
  return centred


def prime(
  prm_log_ratio,
  rewards,
  group,
  mask,
  *,
  process_coefficient=5.0,
  outcome_coefficient=1.0,
  discount=1.0,
  batch_norm=True,
):
  """Discounted sums of both, whitened."""
  tokens = {
    i: [t for t in range(mask.shape[1]) if mask[i, t]]
    for i in range(len(mask))
    if mask[i].any()
  }
  if not tokens:
    return np.zeros(mask.shape)
  process = {i: {t: prm_log_ratio[i, t] for t in tokens[i]} for i in tokens}
  if batch_norm:
    largest = max(
      abs(sum(r for s, r in process[i].items() if s >= t))
      for i in tokens
      for t in tokens[i]
    )
    process = {
      i: {t: r / (largest + 1e-6) for t, r in row.items()} for i, row in process.items()
    }
  process = against_the_others(process, group)
  outcome = against_the_others({i: {tokens[i][-1]: rewards[i]} for i in tokens}, group)
  returns = np.zeros(mask.shape)
  for i, row in tokens.items():
    later = 0.0
    for t in reversed(row):
      here = outcome_coefficient * outcome[i].get(t, 0.0)
      later = process_coefficient * process[i][t] + here + discount * later
      returns[i, t] = later
  seen = np.array([returns[i, t] for i in tokens for t in tokens[i]])
  if len(seen) < 2:
    return np.zeros(mask.shape)
  scale = np.sqrt(seen.var(ddof=1) + 1e-8)
  return np.where(mask > 0, (returns - seen.mean()) / scale, 0.0)
