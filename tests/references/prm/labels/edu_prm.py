"""Cao et al. 2025: Monte-Carlo shares of fragments."""

import math

CASES = [{}, {"hard": True}]


def edu_prm(values, *, hard=False):
  """Fragment by fragment."""
  labels = []
  for share in values[1:]:
    share = share if math.isnan(share) else min(max(share, 0.0), 1.0)
    if math.isnan(share) or not hard:
      labels.append(share)
    else:
      labels.append(1.0 if share > 0.5 else 0.0)
  return labels
