"""Cobbe et al. 2021: only whole solutions are right or wrong."""

CASES = [{}]


def outcome_only(steps):
  return [float("nan") for _ in range(steps)]
