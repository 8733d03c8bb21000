"""Zou et al. 2025 (TaTToo): label match and log-probability of the true label."""

import math

import numpy as np

CASES = [
  {},
  {"calibration": 0.5},
  {"verdict_tokens": 3},
  {"calibration": 0.0},
]


def tattoo(
  logp_old,
  mask,
  truncated,
  score,
  scored,
  formatted,
  *,
  calibration=1.0,
  verdict_tokens=1,
):
  rewards = np.zeros(len(mask))
  for i in range(len(mask)):
    if not scored[i]:
      continue
    said = [t for t in range(mask.shape[1]) if mask[i, t]]
    if not truncated[i]:
      said = said[:-1]  # the stop token
    probability = 1.0
    for t in said[max(len(said) - verdict_tokens, 0) :]:
      probability *= math.exp(logp_old[i, t])
    right = score[i] > 0.5
    of_true_label = probability if right else 1 - probability
    if not formatted[i]:
      of_true_label = 0.0
    rewards[i] = float(right) + calibration * math.log(max(of_true_label, 0.001))
  return rewards
