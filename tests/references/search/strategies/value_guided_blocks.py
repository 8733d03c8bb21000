"""Wang et al. 2025 (VGS): the u best of u * width, finished beams kept aside."""

CASES = [{"width": 1}, {"width": 2}, {"width": 3}, {"width": 6}]


def value_guided_blocks(score, steps, round, *, width=2):
  """The beams in their places, each as `width` slots."""
  beams = len(score) // width
  unfinished = [b for b in range(beams) if steps[b * width] == round]
  candidates = [b * width + c for c in range(width) for b in unfinished]
  chosen = sorted(candidates, key=lambda i: -score[i])[: len(unfinished)]
  parents = []
  for b in range(beams):
    row = chosen.pop(0) if b in unfinished else b * width
    parents += [row] * width
  return parents
