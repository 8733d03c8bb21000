"""PRIME section 2: prompts whose accuracy is within a range are kept."""

import statistics

CASES = [{}, {"low": 0.6, "high": 1.0}, {"low": 0.0}, {"high": 0.3}]


def difficulty_range(mask, score, scored, group, *, low=0.2, high=0.8):
  """The mask that is left."""
  accuracy = {}
  for g in {int(g) for g in group}:
    scores = [
      float(x) for x, s, h in zip(score, scored, group, strict=True) if s and h == g
    ]
    accuracy[g] = round(statistics.fmean(scores), 6) if scores else None
  kept = []
  for row, s, g in zip(mask, scored, group, strict=True):
    inside = s and low <= accuracy[int(g)] <= high
    kept.append(list(row) if inside else [0.0] * len(row))
  return kept
