"""Schulman's k2, negated."""

import numpy as np

CASES = [{}, {"coefficient": 0.5}]


def kl_penalty_k2(logp_old, logp_ref, mask, *, coefficient=0.02):
  """One reward a token."""
  terms = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    terms[i, t] = -coefficient * 0.5 * (logp_old[i, t] - logp_ref[i, t]) ** 2
  return terms
