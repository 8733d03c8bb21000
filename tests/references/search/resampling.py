"""Systematic resampling: (k + u) / N takes the first row whose sum exceeds it."""

from fractions import Fraction

CASES = [{"u": u} for u in (0.0, 0.1, 0.25, 0.5, 0.75, 0.999)]


def systematic(p, *, u):
  """Exact sums of the given floats, normalised."""
  total = sum(Fraction(float(x)) for x in p)
  parents = []
  for k in range(len(p)):
    position = (k + Fraction(u)) / len(p)
    cumulative = Fraction(0)
    row = len(p) - 1
    for i, x in enumerate(p):
      cumulative += Fraction(float(x)) / total
      if cumulative > position:
        row = i
        break
    parents.append(row)
  return parents
