"""DAPO, eq. 11: a prompt stays if some but not all of its answers are right."""


def informative_groups(mask, score, scored, group):
  """The mask that is left."""
  kept = []
  for row, g, own in zip(mask, group, scored, strict=True):
    scores = {s for s, v, h in zip(score, scored, group, strict=True) if v and h == g}
    kept.append(list(row) if own and len(scores) > 1 else [0.0] * len(row))
  return kept
