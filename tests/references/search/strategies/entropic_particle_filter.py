"""Giannone et al. 2025: temperatures of the particles' weights."""

import math

CASES = [
  {},
  {"ess_min": 0.9},
  {"early": 0.05},
  {"ess_min": 1.1, "early": 1.1},
]


def shares(log_weight):
  """Softmax, one at a time."""
  top = max(log_weight)
  total = sum(math.exp(x - top) for x in log_weight)
  return [math.exp(x - top) / total for x in log_weight]


def ess_temperature(log_weight, progress, *, ess_min=0.5, early=0.5):
  """1 unless few rows hold the weight, early on."""
  n = len(log_weight)
  squares = 0.0
  for p in shares(log_weight):
    squares += min(max(p, 1e-7), 1 - 1e-7) ** 2
  effective = 1 / squares / n
  if n <= 1 or effective >= ess_min or progress >= early:
    return 1.0
  return max(1.0, (1 - progress) / effective)


def entropy_temperature(log_weight, progress):
  """By the entropy as a share of log N."""
  n = len(log_weight)
  if n <= 1:
    return 1.0
  entropy = 0.0
  for p in shares(log_weight):
    if p > 0:
      entropy -= p * math.log(p)
  share = entropy / math.log(n)
  return max(1.0, 1 / max(share + (1 - share) * progress, 1e-7))


def base_temperature(log_weight, progress):
  """From 2 down to 1."""
  return max(1.0, 2 - progress) if len(log_weight) > 1 else 1.0
