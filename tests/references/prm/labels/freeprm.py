"""Sun et al. 2025: every step has the outcome as its label."""

CASES = [{}]


def freeprm(steps, outcome):
  """The outcome, broadcast."""
  return [outcome for _ in range(steps)]
