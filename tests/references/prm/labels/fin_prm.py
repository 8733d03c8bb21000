"""Zhou et al. 2025: three numbers against a threshold; the answer against another."""

import math

CASES = [{}, {"step_min": 0.8}, {"coverage_min": 0.9}]


def _mean(values):
  known = [v for v in values if not math.isnan(v)]
  return sum(known) / len(known) if known else math.nan


def fin_prm(
  right, outcome, verdicts, grounded, knowledge_used, *, step_min=0.5, coverage_min=0.5
):
  """Every step but the last by its parts; the last by the outcome and what it used."""
  steps = len(right) - 1
  labels = []
  for t in range(steps - 1):
    parts = [
      _mean(right[t + 1]),
      _mean([judge[t] for judge in verdicts]),
      _mean([judge[t] for judge in grounded]),
    ]
    if any(math.isnan(part) for part in parts):
      labels.append(math.nan)
    else:
      labels.append(1.0 if sum(parts) / 3 >= step_min - 1e-9 else 0.0)
  if steps:
    used = [p > 0.5 for p in knowledge_used if not math.isnan(p)]
    if not used and len(knowledge_used):
      labels.append(math.nan)
    else:
      share = sum(used) / len(used) if used else 1.0
      labels.append(outcome if share >= coverage_min else outcome * 0.0)
  return labels
