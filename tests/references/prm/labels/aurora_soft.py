"""Tan et al. 2025: the share of judges that accepts the step."""

import math

CASES = [{}]


def aurora_soft(verdicts):
  """Mean over the judges that spoke."""
  labels = []
  for t in range(verdicts.shape[1]):
    spoke = [judge[t] for judge in verdicts if not math.isnan(judge[t])]
    labels.append(sum(spoke) / len(spoke) if spoke else math.nan)
  return labels
