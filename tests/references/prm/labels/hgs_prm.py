"""Ma et al. 2023: a changed line is bad if the tests notice, neutral if they do not."""

import math

CASES = [{}]


def hgs_prm(checked, outcome):
  """Line by line."""
  labels = []
  for unchanged in checked:
    if unchanged == 1:
      labels.append(1.0)
    elif math.isnan(unchanged) or math.isnan(outcome):
      labels.append(math.nan)
    else:
      labels.append(0.0 if outcome == 1 else -1.0)
  return labels
