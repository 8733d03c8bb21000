"""Sutton's lambda-return: V_t mixed with the returns after 1, 2, ... n steps."""

import numpy as np

CASES = [{}, {"lambda_": 1.0}, {"lambda_": 0.0}, {"lambda_": 0.5, "discount": 0.9}]


def lambda_return(token_rewards, values_old, mask, *, discount=1.0, lambda_=0.95):
  """(1 - lambda) sum of lambda^(n-1) n-step returns; the last has what is left."""
  targets = np.zeros(mask.shape)
  for i in range(len(mask)):
    trained = np.flatnonzero(mask[i])
    rewards = token_rewards[i, trained]
    values = [*values_old[i, trained], 0.0]
    for t, at in enumerate(trained):
      steps = len(trained) - t
      for n in range(1, steps + 1):
        of_n = discount**n * values[t + n]
        of_n += sum(discount**s * rewards[t + s] for s in range(n))
        share = lambda_ ** (n - 1) * (1.0 if n == steps else 1 - lambda_)
        targets[i, at] += share * of_n
  return targets
