"""Ziegler et al. 2019, eq. 2: minus beta log(pi / rho), token by token."""

import numpy as np

CASES = [{}, {"coefficient": 0.5}]


def kl_penalty_k1(logp_old, logp_ref, mask, *, coefficient=0.02):
  """One reward a token."""
  terms = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    terms[i, t] = coefficient * (logp_ref[i, t] - logp_old[i, t])
  return terms
