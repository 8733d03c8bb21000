"""Han et al. 2025: the question, then steps by descending rise of the entropy."""

from tests.references.prm.labels.unprm import entropy
from tests.references.prm.queries.by_uncertainty import walk

CASES = [{}]


def by_uncertainty_gain(right, likelihood, step_logp, outcome):
  """Steps 2 .. S - 1."""
  u = {t: entropy(logp) for t, logp in enumerate(step_logp, 1)}
  visits = list(range(2, len(right) - 1))
  visits.sort(key=lambda t: (-round(u[t] - u[t - 1], 12), t))
  return walk(visits, right, likelihood, outcome)
