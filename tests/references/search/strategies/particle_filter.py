"""Puri et al. 2025: odds p / (1 - p) of the latest score, normalised."""

CASES = [{}]


def particle_filter(score):
  """The probability that each row is drawn."""
  odds = []
  for p in score:
    p = min(max(float(p), 1e-7), 1 - 1e-7)
    odds.append(p / (1 - p))
  return [x / sum(odds) for x in odds]
