"""VAPO 2025, eq. 10: negative log-likelihood of the correct samples' tokens."""

import numpy as np

REINFORCE = False  # -coefficient on positive rows, whatever the advantage
CASES = [{}, {"coefficient": 0.1}, {"threshold": 0.4}]


def positive_nll(logp, score, scored, mask, *, coefficient=1.0, threshold=0.0):
  """Token by token; 0 on other rows."""
  losses = np.zeros(mask.shape)
  for i in range(len(score)):
    if not scored[i] or score[i] <= threshold:
      continue
    for t in np.flatnonzero(mask[i]):
      losses[i, t] = -coefficient * logp[i, t]
  return losses
