"""Zhang et al. 2025: signs of the tree's sums; wrong paths end where they recover."""

import math

CASES = [{}]


def groundedprm(values, outcome):
  """Walks the path; a wrong one ends at what is not bad behind a bad step."""
  labels, fallen, over = [], False, False
  for value in values[1:]:
    if math.isnan(value):
      labels.append(math.nan)
      continue
    if fallen and value >= 0 and not outcome > 0:
      over = True
    labels.append(math.nan if over else float(value > 0))
    fallen = fallen or value <= 0
  return labels
