"""Fewest insertions, deletions and substitutions between two lists, by the table."""

CASES = [{}]


def edit_distance(a, b):
  """D[i][j] of all beginnings of `a` and `b`; the last one."""
  table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
  for i in range(len(a) + 1):
    for j in range(len(b) + 1):
      if i == 0 or j == 0:
        table[i][j] = i + j
      elif a[i - 1] == b[j - 1]:
        table[i][j] = table[i - 1][j - 1]
      else:
        table[i][j] = 1 + min(table[i - 1][j], table[i][j - 1], table[i - 1][j - 1])
  return table[len(a)][len(b)]
