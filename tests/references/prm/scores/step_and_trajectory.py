"""Zou et al. 2025: the average of all but the last score, and the last one."""

CASES = [
  {},
  {"trajectory_weight": 1.5},
  {"step_weight": 0.5, "trajectory_weight": 0.5},
]


def step_and_trajectory(step_scores, mask, *, step_weight=1.0, trajectory_weight=1.0):
  """0 for a row without a step; the whole alone for a row of one."""
  values = []
  for row, on in zip(step_scores, mask, strict=True):
    p = [score for score, m in zip(row, on, strict=True) if m]
    value = 0.0
    if p:
      value += trajectory_weight * p.pop()
    if p:
      value += step_weight * sum(p) / len(p)
    values.append(value)
  return values
