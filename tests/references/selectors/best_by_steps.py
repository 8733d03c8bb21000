"""Zou et al. 2025: the traces with the highest combined score."""

CASES = [{}, {"keep": 2}, {"step_weight": 0.0}, {"trajectory_weight": 0.0}]


def best_by_steps(
  mask,
  step_scores,
  step_scored,
  group,
  *,
  keep=1,
  step_weight=1.0,
  trajectory_weight=1.0,
):
  """Sort each prompt's scored rows by their score, first come first."""
  found = {}
  for i in range(len(mask)):
    p = [
      step_scores[i][t] for t in range(len(mask[i])) if mask[i][t] and step_scored[i][t]
    ]
    if p:
      before = p[:-1]
      mean = sum(before) / len(before) if before else 0.0
      value = step_weight * mean + trajectory_weight * p[-1]
      found.setdefault(group[i], []).append((-value, i))
  chosen = {i for rows in found.values() for _, i in sorted(rows)[:keep]}
  return [list(row) if i in chosen else [0.0] * len(row) for i, row in enumerate(mask)]
