"""Dai et al. 2024: +1 before the first line that cannot be saved, -1 from it on."""

import math

CASES = [{}]


def code_line(right, outcome):
  """Scan the lines; what was not asked is told by its neighbours."""
  lines = len(right) - 1
  if outcome == 1:
    return [1.0] * lines
  ok = {0: True}
  for k in range(lines + 1):
    scored = [r for r in right[k] if not math.isnan(r)]
    if k == lines and outcome == 0:
      scored = [0.0]
    if scored:
      ok[k] = 1 in scored
  first_bad = next((k for k in range(lines + 1) if ok.get(k) is False), None)
  labels = []
  for k in range(1, lines + 1):
    if first_bad is not None and k >= first_bad:
      labels.append(-1.0)
      continue
    end = lines + 1 if first_bad is None else first_bad
    saved = any(ok.get(j, False) for j in range(k, end))
    labels.append(1.0 if saved else math.nan)
  return labels
