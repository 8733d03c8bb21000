"""Walder & Karkhanis 2025, eq. 33 (s^(loo-1)) enumerated, times n; k = 1: as rloo."""

import itertools
import math

import numpy as np

CASES = [{}, {"k": 1}, {"k": 2}, {"k": 3}]


def pkpo(rewards, scored, group, mask, *, k=4):
  """What a response adds to the best of the subsets that it is in."""
  advantages = np.zeros(mask.shape)
  for name in np.unique(group):
    members = [i for i in np.flatnonzero(group == name) if scored[i]]
    n = len(members)
    size = min(k, n)
    for i in members:
      gain = 0.0
      for subset in itertools.combinations(members, size):
        if i not in subset or n == 1:
          continue
        rest = [rewards[j] for j in subset if j != i]
        if k > 1:
          gain += max([*rest, rewards[i]]) - max(rest)
        else:
          gain += rewards[i] - np.mean([rewards[j] for j in members if j != i])
      advantages[i] = mask[i] * n * gain / math.comb(n, size)
  return advantages
