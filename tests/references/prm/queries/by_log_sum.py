"""Han et al. 2025: the question, then steps by descending -sum log z."""

import math

from tests.references.prm.queries.by_uncertainty import walk

CASES = [{}]


def log_sum(logp):
  """-sum log z, z = softmax(logp / 5) over the positions."""
  mass = [math.exp(value / 5) for value in logp if math.isfinite(value)]
  return -sum(math.log(m / sum(mass)) for m in mass)


def by_log_sum(right, likelihood, step_logp, outcome):
  """All steps but the last."""
  u = [log_sum(logp) for logp in step_logp]
  visits = sorted(range(1, len(right) - 1), key=lambda t: (-round(u[t - 1], 12), t))
  return walk(visits, right, likelihood, outcome)
