"""Kamoi et al. 2025: a step is right iff the checker accepts it."""

CASES = [{}]


def fover(checked):
  """Step by step."""
  return [float(verdict) for verdict in checked]
