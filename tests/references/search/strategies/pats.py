"""Wang et al. 2025 (PATS): the modes that a sequence of best scores goes through."""

CASES = [{}, {"reject_below": 0.6}, {"raise_at": 0.7, "reset_below": 0.3}]


def pats(scores, *, reject_below=0.4, raise_at=0.85, reset_below=0.75):
  """(mode used, accepted) for each score, from mode 0."""
  mode, counter, trace = 0, 0, []
  for r in scores:
    used = mode
    if r < reject_below and counter < 1:
      counter += 1
      mode = 0
      trace.append((used, False))
      continue
    counter = 0
    if r >= raise_at:
      mode = min(mode + 1, 2)
    elif r < reset_below:
      mode = 0
    trace.append((used, True))
  return trace
