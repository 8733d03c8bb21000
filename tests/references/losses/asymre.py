"""Arnal et al. 2025: log-likelihood times reward minus (mean reward + delta V)."""

import numpy as np

REINFORCE = False  # every weight is raised by -baseline_shift
CASES = [{}, {"baseline_shift": 0.0}, {"baseline_shift": 0.3}]


def asymre(logp, advantages, mask, *, baseline_shift=-0.1):
  """What raising log pi gains and what lowering the baseline adds, negated."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    gain = logp[i, t] * advantages[i, t]
    losses[i, t] = logp[i, t] * baseline_shift - gain
  return losses
