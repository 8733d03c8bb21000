"""DAPO, eq. 13, case by case."""

CASES = [
  {},
  {"max_tokens": 5, "buffer_tokens": 3},
  {"max_tokens": 5, "buffer_tokens": 3, "weight": 0.5},
  {"max_tokens": 4, "buffer_tokens": 4},
  {"max_tokens": 4, "buffer_tokens": 0},
]


def soft_overlong(mask, *, max_tokens=20480, buffer_tokens=4096, weight=1.0):
  """One punishment a row."""
  punishments = []
  for row in mask:
    length = sum(1 for keep in row if keep)
    if length <= max_tokens - buffer_tokens:
      punishment = 0.0
    elif length <= max_tokens:
      punishment = (max_tokens - buffer_tokens - length) / buffer_tokens
    else:
      punishment = -1.0
    punishments.append(weight * punishment)
  return punishments
