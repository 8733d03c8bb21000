"""No completions."""

CASES = [{}]


def nothing():
  """DONE."""
  return -1
