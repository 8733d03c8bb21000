"""Liu et al. 2025: a token less probable than the threshold starts a step."""

import math

CASES = [
  {"threshold": 0.4},
  {"threshold": 0.0},
  {"threshold": 2.0},
  {"threshold": 0.6, "min_tokens": 3},
  {"threshold": 2.0, "min_tokens": 4},
]


def adaptivestep(logp, *, threshold, min_tokens=1):
  """A step that is too short goes on."""
  found, step, length = [], 0, 0
  for token, value in enumerate(logp):
    if token > 0 and math.exp(value) < threshold and length >= min_tokens:
      step, length = step + 1, 0
    found.append(step)
    length += 1
  return found
