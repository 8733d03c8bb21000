"""Zheng et al. 2025, algorithm 1: removes the worst token until M2 <= tau."""

import numpy as np

CASES = [
  {},
  {"outward_only": False},
  {"threshold": 0.005},
  {"threshold": 0.3},
  {"threshold": 0.01, "outward_only": False},
]


def m2po(
  logp_now,
  logp_sampling,
  advantages,
  mask,
  *,
  threshold=0.04,
  outward_only=True,
):
  """1 on the tokens that stay."""
  factors = np.array(mask)
  left = {}
  for at in zip(*np.nonzero(mask), strict=True):
    change = logp_now[at] - logp_sampling[at]
    if outward_only and not (
      (advantages[at] > 0 and change > 0) or (advantages[at] < 0 and change < 0)
    ):
      continue
    left[at] = change**2
  while left and sum(left.values()) / len(left) > threshold:
    worst = max(left, key=left.get)
    factors[worst] = 0.0
    del left[worst]
  return factors
