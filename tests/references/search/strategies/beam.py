"""Snell et al. 2024, section 5.2: the N / width best rows, `width` children each."""

CASES = [{"width": 1}, {"width": 2}, {"width": 3}, {"width": 6}]


def beam(score, steps, round, *, width=4):
  """Repeatedly takes the best row that is left; one row for a finished beam."""
  left = []
  for i in range(len(score)):
    if steps[i] == round or i % width == 0:
      left.append(i)
  parents = []
  for _ in range(len(score) // width):
    best = left[0]
    for i in left:
      better = score[i] > score[best]
      earlier = (i % width, i) < (best % width, best)
      if better or (score[i] == score[best] and earlier):
        best = i
    left.remove(best)
    parents += [best] * width
  return parents
