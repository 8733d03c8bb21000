"""Zhang et al. 2024: log-mean-exp of the rewards of the completions."""

import math

CASES = [
  {},
  {"eta": 0.0},
  {"eta": 1e-9},
  {"eta": 5.0},
  {"eta": -3.0},
  {"eta": 500.0},
  {"eta": -500.0},
]


def er_prm(right, outcome, *, eta=1.0):
  """(1/eta) log mean exp(eta r), over the completions one by one."""
  labels = []
  for t in range(1, len(right)):
    rewards = [float(r) for r in right[t] if r == r]
    if t == len(right) - 1 and outcome == outcome:
      rewards = [outcome]
    if not rewards:
      labels.append(math.nan)
    elif abs(eta) < 1e-6:
      labels.append(sum(rewards) / len(rewards))
    else:
      mean = sum(math.exp(eta * r) for r in rewards) / len(rewards)
      labels.append(math.log(mean) / eta)
  return labels
