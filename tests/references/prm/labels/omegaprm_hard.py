"""Luo et al. 2024: 1[MC > 0], and what a falling MC says of prefixes not asked."""

import math

CASES = [{}]


def omegaprm_hard(right, outcome):
  """For each prefix, what the asked ones around it say."""
  last = len(right) - 1
  seen = {}  # prefix -> solvable
  for t in range(last + 1):
    scored = [r for r in right[t] if not math.isnan(r)]
    if t == last and not math.isnan(outcome):
      scored = [outcome]
    if scored:
      seen[t] = any(r == 1 for r in scored)
  hopeless = [t for t, solvable in seen.items() if not solvable]
  labels = []
  for t in range(1, last + 1):
    if t in seen:
      labels.append(1.0 if seen[t] else 0.0)
    elif hopeless and min(hopeless) < t:
      labels.append(0.0)
    elif any(
      solvable and later > t and not any(z < later for z in hopeless)
      for later, solvable in seen.items()
    ):
      labels.append(1.0)
    else:
      labels.append(math.nan)
  return labels
