"""Cui et al. 2025 as in verl's recipe: beta, and no reward on the last token."""

import numpy as np

CASES = [
  {},
  {"batch_norm": False},
  {"batch_norm": False, "beta": 1.0},
  {"process_coefficient": 0.0},
  {"outcome_coefficient": 0.5},
]


def prime_recipe(
  prm_log_ratio,
  rewards,
  group,
  mask,
  *,
  beta=0.05,
  process_coefficient=5.0,
  outcome_coefficient=5.0,
  batch_norm=True,
):
  """Plain sums of both sources, whitened."""
  rows = [i for i in range(len(mask)) if mask[i].any()]
  at = {i: np.flatnonzero(mask[i]) for i in rows}
  r = {i: [*(beta * prm_log_ratio[i, at[i][:-1]]), 0.0] for i in rows}
  if batch_norm and rows:
    largest = 0.0
    for i in rows:
      for t in range(len(r[i])):
        largest = max(largest, abs(sum(r[i][t:])))
    r = {i: [x / (largest + 1e-6) for x in r[i]] for i in rows}
  returns = np.zeros(mask.shape)
  for i in rows:
    peers = [j for j in rows if group[j] == group[i]]
    n = len(peers)
    dense, final = list(r[i]), rewards[i]
    if n > 1:
      others = [sum(r[j]) / len(r[j]) for j in peers if j != i]
      own = sum(r[i]) / len(r[i])
      baseline = (sum(others) + own) / (n - 1)
      dense = [x * n / (n - 1) - baseline for x in r[i]]
      # For one number a row this is the reward less the mean of the others.
      final = rewards[i] - sum(rewards[j] for j in peers if j != i) / (n - 1)
    for k, t in enumerate(at[i]):
      returns[i, t] = process_coefficient * sum(dense[k:]) + outcome_coefficient * final
  seen = returns[mask > 0]
  if len(seen) < 2:
    return np.zeros(mask.shape)
  scale = np.sqrt(seen.var(ddof=1) + 1e-8)
  return np.where(mask > 0, (returns - seen.mean()) / scale, 0.0)
