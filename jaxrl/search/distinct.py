"""AlphaLLM's merging: a new option differs from its siblings. Tian et al., https://arxiv.org/abs/2404.12253.

  draw again, up to 5 times, until min over siblings of the edit distance >= 20

in characters; where none is that far the farthest is kept. The first child has no
sibling and is drawn greedily: that is the caller's business. On the host.
"""

from collections.abc import Callable, Sequence


def distinct(
  draw: Callable[[], str],
  siblings: Sequence[str],
  *,
  distance: int = 20,
  tries: int = 5,
) -> str:
  """A new option.

  Args:
    draw: samples an option.
    siblings: the options that the node has.
    distance: that is far enough.
    tries: draws at most, the first one included.
  """
  best, farthest = "", -1
  for _ in range(tries):
    option = draw()
    nearest = min((edit_distance(option, s) for s in siblings), default=distance)
    if nearest > farthest:
      best, farthest = option, nearest
    if nearest >= distance:
      break
  return best


def edit_distance(a: str, b: str) -> int:
  """Insertions, deletions and substitutions of characters from `a` to `b`."""
  row = list(range(len(b) + 1))
  for i, x in enumerate(a, start=1):
    above = row
    row = [i]
    for j, y in enumerate(b, start=1):
      row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y)))
  return row[-1]
