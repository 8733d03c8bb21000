"""Liu et al. 2025 (AdaptiveStep): the PRM chooses where the policy is unsure."""

import math

CASES = [
  {"threshold": 0.0},
  {"threshold": 0.3},
  {"threshold": 0.55, "candidates": 3},
  {"threshold": 1.1, "candidates": 50},
]


def tvd(logp, values, *, threshold=0.55, candidates=8):
  """One token a row; `values` [N, V] is what the PRM says of each."""
  chosen = []
  for row, value in zip(logp, values, strict=True):
    order = sorted(range(len(row)), key=lambda a: -row[a])
    token = order[0]
    if math.exp(row[token]) < threshold:
      for a in order[:candidates]:
        if value[a] > value[token]:
          token = a
    chosen.append(token)
  return chosen
