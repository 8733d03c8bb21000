"""Prefixes 0 .. S - 1 in order."""

import math

CASES = [{}]


def every_prefix(right):
  """The first row without a number."""
  for prefix in range(len(right) - 1):
    if all(math.isnan(r) for r in right[prefix]):
      return prefix
  return -1
