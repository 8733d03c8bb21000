"""verl's rejection by k2: per token, and per mean, sum and maximum of a response."""

import numpy as np

CASES = [
  {},
  {"mean": None, "largest": None},
  {"mean": None, "token": 0.02},
  {"mean": 0.03},
  {"mean": None, "total": 0.2},
  {"mean": None, "largest": 0.1},
  {"token": 0.1, "mean": 0.05, "total": 0.3, "largest": 0.3},
]


def reject_k2(
  logp_old, logp_sampling, mask, *, token=None, mean=None, total=None, largest=2.5
):
  """What is under every bound."""
  left = np.array(mask)
  bound = lambda x: float("inf") if x is None else x
  for i in range(len(mask)):
    ks = {}
    for t in np.flatnonzero(mask[i]):
      d = logp_old[i, t] - logp_sampling[i, t]
      ks[t] = 0.5 * d * d
    for t, k in ks.items():
      fine = k <= bound(token) and max(ks.values()) <= bound(largest)
      fine = fine and sum(ks.values()) <= bound(total)
      left[i, t] = float(fine and sum(ks.values()) / len(ks) <= bound(mean))
  return left
