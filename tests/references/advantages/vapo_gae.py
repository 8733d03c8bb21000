"""Yue et al. 2025: lambda = 1 - 1 / (alpha l), l the length of the response."""

import numpy as np

CASES = [
  {},
  {"whiten": False},
  {"whiten": False, "alpha": 0.5},
  {"whiten": False, "alpha": 1.0, "discount": 0.9},
  {"alpha": 1.0, "epsilon": 0.5},
]


def vapo_gae(
  token_rewards,
  values_old,
  mask,
  *,
  alpha=0.05,
  discount=1.0,
  whiten=True,
  epsilon=1e-8,
):
  """Backward over each response's trained tokens, with its own lambda."""
  found = {}
  for i in range(len(mask)):
    trained = [t for t in range(mask.shape[1]) if mask[i, t]]
    if not trained:
      continue
    lambda_ = max(0.0, 1 - 1 / (alpha * len(trained)))
    ahead = next_value = 0.0
    for t in trained[::-1]:
      error = token_rewards[i, t] + discount * next_value - values_old[i, t]
      ahead = error + discount * lambda_ * ahead
      next_value = values_old[i, t]
      found[i, t] = ahead
  advantages = np.zeros(mask.shape)
  numbers = np.array(list(found.values()))
  for at, value in found.items():
    advantages[at] = value
    if whiten:
      scale = (numbers.var(ddof=1) + epsilon) ** -0.5
      advantages[at] = (value - numbers.mean()) * scale
  return advantages
