"""Chai et al. 2024: a new macro action after every n tokens."""

CASES = [{}, {"tokens": 1}, {"tokens": 3}, {"tokens": 1000}]


def fixed_length(pieces, *, tokens=5):
  """Counts up to n, then starts again."""
  found, step, count = [], 0, 0
  for _ in pieces:
    if count == tokens:
      step, count = step + 1, 0
    found.append(step)
    count += 1
  return found
