"""Park et al. 2025: how many samples make one right answer likely enough."""

import math

CASES = [
  {"leaves_max": 8, "children_max": 8},
  {"leaves_max": 3, "children_max": 4},
  {"leaves_max": 4, "children_max": 2, "confidence": 0.9},
  {"leaves_max": 2, "children_max": 16, "confidence": 0.5},
]


def samples_needed(p, *, confidence=0.99):
  """Counts up until the chance that all fail is small enough."""
  p = min(max(p, 1e-4), 1 - 1e-4)
  n = 1
  while n * math.log(1 - p) > math.log(1 - confidence):
    n += 1
  return n


def adaptive_leaves(low, *, leaves_max, children_max, confidence=0.99):
  """The first k whose leaves have enough children."""
  ordered = sorted(low, reverse=True)
  for k in range(1, min(leaves_max, len(low)) + 1):
    if k * children_max >= samples_needed(ordered[k - 1], confidence=confidence):
      return k
  return leaves_max


def adaptive_children(low, *, leaves_max, children_max, confidence=0.99):
  """Enough children of `leaves_max` leaves, by the least of them."""
  p = min(max(min(low), 1e-4), 1 - 1e-4)
  needed = math.log(1 - confidence) / math.log(1 - p) / leaves_max
  return min(math.ceil(needed), children_max)
