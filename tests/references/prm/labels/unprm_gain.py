"""Han et al. 2025: as unprm, by descending rise of the entropy; not the first step."""

from tests.references.prm.labels.unprm import entropy, search

CASES = [{}]


def unprm_gain(right, likelihood, step_logp, outcome):
  """Steps 2 .. S - 1."""
  u = {t: entropy(logp) for t, logp in enumerate(step_logp, 1)}
  visits = list(range(2, len(right) - 1))
  visits.sort(key=lambda t: (-round(u[t] - u[t - 1], 12), t))
  return search(visits, right, likelihood, outcome)
