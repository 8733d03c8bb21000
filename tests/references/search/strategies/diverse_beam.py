"""Beeching et al. 2024: sub-trees that each keep the best of their own rows."""

CASES = [{"trees": 1}, {"trees": 2}, {"trees": 3}, {"trees": 6}, {"trees": 12}]


def diverse_beam(score, *, trees):
  """All rows fresh: each sub-tree goes on from its best row alone."""
  size = len(score) // trees
  parents = []
  for tree in range(trees):
    best = tree * size
    for i in range(tree * size, (tree + 1) * size):
      if score[i] > score[best]:
        best = i
    parents += [best] * size
  return parents
