"""Li et al. 2026: b_t = sum_i W_it G_it / sum_i W_it, W the summed logit-gradient."""

import math

import numpy as np

CASES = [{}, {"epsilon": 0.5}, {"keep_single": True}]


def optimal_token_baseline(
  token_rewards,
  logp_old,
  collision_old,
  group,
  mask,
  *,
  epsilon=1e-8,
  keep_single=False,
):
  """Compares the t-th trained token with the t-th of every other response."""
  trained = [list(np.flatnonzero(row)) for row in mask]

  def to_come(i, t):
    return sum(token_rewards[i, s] for s in trained[i][t:])

  def energy(i, t):
    norms = (
      1 - 2 * math.exp(logp_old[i, s]) + collision_old[i, s]
      for s in trained[i][: t + 1]
    )
    return sum(max(norm, 0.0) for norm in norms)

  advantages = np.zeros(mask.shape)
  for i in range(len(mask)):
    members = [j for j in range(len(mask)) if group[j] == group[i] and trained[j]]
    for t, at in enumerate(trained[i]):
      alive = [j for j in members if len(trained[j]) > t]
      if len(alive) > 1:
        top = sum(energy(j, t) * to_come(j, t) for j in alive)
        baseline = top / (sum(energy(j, t) for j in alive) + epsilon)
        advantages[i, at] = to_come(i, t) - baseline
      elif len(members) == 1 and keep_single:
        advantages[i, at] = to_come(i, t)
  return advantages
