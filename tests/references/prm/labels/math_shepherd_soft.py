"""Wang et al. 2024: the share of completions after the step that are right."""

import math

CASES = [{}]


def math_shepherd_soft(right, outcome):
  """Soft estimation; the last step by the outcome."""
  labels = []
  for row in right[1:]:
    count = won = 0
    for r in row:
      if not math.isnan(r):
        count += 1
        won += r == 1
    labels.append(won / count if count else math.nan)
  if labels and not math.isnan(outcome):
    labels[-1] = outcome
  return labels
