"""Schulman et al. 2015, eq. 16, as a sum over the future; whitened as PPO codes do."""

import numpy as np

CASES = [
  {},
  {"whiten": False},
  {"whiten": False, "discount": 0.9},
  {"whiten": False, "lambda_": 0.5},
  {"epsilon": 0.5},
  {"ddof": 0},
]


def gae(
  token_rewards,
  values_old,
  mask,
  *,
  discount=1.0,
  lambda_=0.95,
  whiten=True,
  epsilon=1e-8,
  ddof=1,
):
  """Sum of later temporal-difference errors, discounted."""
  advantages = np.zeros(mask.shape)
  for i in range(len(mask)):
    trained = np.flatnonzero(mask[i])
    values = [*values_old[i, trained], 0.0]
    for t in range(len(trained)):
      for s in range(t, len(trained)):
        reward = token_rewards[i, trained[s]]
        error = reward + discount * values[s + 1] - values[s]
        advantages[i, trained[t]] += (discount * lambda_) ** (s - t) * error
  if whiten and mask.sum() > 1:
    seen = advantages[mask > 0]
    scale = np.sqrt(seen.var(ddof=ddof) + epsilon)
    advantages = (advantages - seen.mean()) / scale * mask
  return advantages
