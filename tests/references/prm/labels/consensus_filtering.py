"""Zhang et al. 2025: keep iff completions and judge name the same first error."""

import math

CASES = [{}]


def consensus_filtering(right, outcome, verdicts):
  """Compare the two indices (0 for "cannot be told"), cut after the error."""
  steps = len(right) - 1
  nothing = [math.nan] * steps

  def first(good):
    for t in range(1, steps + 1):
      if good(t) is None:
        return 0
      if not good(t):
        return t
    return math.inf

  def reached(t):
    scored = [r for r in right[t] if not math.isnan(r)]
    if t == steps and not math.isnan(outcome):
      scored = [outcome]
    return any(r == 1 for r in scored) if scored else None

  error = first(reached)
  readable = 0
  for judge in verdicts:
    verdict = lambda t, judge=judge: {0: False, 1: True}.get(judge[t - 1])
    named = first(verdict)
    readable += named != 0
    if named not in (0, error):
      return nothing
  if error == 0 or readable == 0:
    return nothing
  labels = [1.0 if t < error else 0.0 for t in range(1, steps + 1)]
  return [y if t <= error else math.nan for t, y in enumerate(labels, 1)]
