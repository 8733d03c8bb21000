"""Han et al. 2025: the question, then steps by descending entropy."""

import math

from tests.references.prm.labels.unprm import entropy, rate

CASES = [{}]


def walk(visits, right, likelihood, outcome):
  """The first of the visits that is open, unless one before it is below."""
  if outcome != 0 or len(visits) == 0:
    return -1
  is_open = [all(math.isnan(r) for r in row) for row in right]
  if is_open[0]:
    return 0
  reference = rate(right[0], likelihood[0])
  if reference is None or reference == 0:
    return -1
  for prefix in visits:
    if is_open[prefix]:
      return prefix
    here = rate(right[prefix], likelihood[prefix])
    if here is not None and here < reference - 1e-9:
      return -1
  return -1


def by_uncertainty(right, likelihood, step_logp, outcome):
  """All steps but the last."""
  u = [entropy(logp) for logp in step_logp]
  visits = sorted(range(1, len(right) - 1), key=lambda t: (-round(u[t - 1], 12), t))
  return walk(visits, right, likelihood, outcome)
