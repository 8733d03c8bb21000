"""verl's rejection by k1, in nats: per token, per mean and per sum of a response."""

import numpy as np

CASES = [
  {},
  {"token": None},
  {"token": (-0.1, 0.3)},
  {"token": None, "mean": (-0.05, 0.2)},
  {"token": None, "total": (-0.3, 0.1)},
  {"token": (-0.2, 0.2), "mean": (-0.1, 0.1), "total": (-0.5, 0.5)},
]


def reject_k1(
  logp_old, logp_sampling, mask, *, token=(-0.693, 0.693), mean=None, total=None
):
  """What is inside every band."""
  left = np.array(mask)
  for i in range(len(mask)):
    ks = {t: logp_sampling[i, t] - logp_old[i, t] for t in np.flatnonzero(mask[i])}
    if not ks:
      continue
    whole = sum(ks.values())
    if mean is not None and not mean[0] <= whole / len(ks) <= mean[1]:
      left[i] = 0.0
    if total is not None and not total[0] <= whole <= total[1]:
      left[i] = 0.0
    for t, k in ks.items():
      if token is not None and not token[0] <= k <= token[1]:
        left[i, t] = 0.0
  return left
