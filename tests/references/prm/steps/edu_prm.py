"""Cao et al. 2025: a token of high entropy starts a fragment."""

CASES = [{}, {"threshold": 0.3}, {"threshold": float("inf")}, {"threshold": -1.0}]


def edu_prm(entropy, *, threshold=1.0):
  """The first token starts the first fragment."""
  found, step = [], 0
  for token, value in enumerate(entropy):
    step += 1 if token > 0 and value > threshold else 0
    found.append(step)
  return found
