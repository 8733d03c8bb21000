"""Luo et al. 2024: binary search between the question and the wrong whole."""

import math

CASES = [{}]


def bisect(right, outcome):
  """The candidates for the first hopeless prefix, halved."""
  steps = len(right) - 1
  if outcome != 0:
    return -1
  candidates = list(range(1, steps + 1))
  for prefix in range(steps):
    scored = [r for r in right[prefix] if not math.isnan(r)]
    if scored and 1 not in scored:
      # At this one or before it; whatever comes later says nothing.
      candidates = [c for c in candidates if c <= prefix]
      break
    if scored:
      candidates = [c for c in candidates if c > prefix]
  if len(candidates) < 2:
    return -1
  # `candidates` has all c with low < c <= high.
  return (candidates[0] - 1 + candidates[-1]) // 2
