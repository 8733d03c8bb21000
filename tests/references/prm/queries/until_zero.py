"""Ding et al. 2025: a wrong solution's prefixes in order, up to one never right."""

import math

CASES = [{}]


def until_zero(right, outcome):
  """Stop at the first zero."""
  if outcome != 0:
    return -1
  prefix = 0
  while prefix < len(right) - 1:
    scored = [r for r in right[prefix] if not math.isnan(r)]
    if not scored:
      return prefix
    if sum(scored) == 0:
      return -1
    prefix += 1
  return -1
