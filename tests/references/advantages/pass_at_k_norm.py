"""Chen et al. 2025: advantages of subsets, by drawing every subset."""

import itertools
import statistics

import numpy as np

CASES = [{}, {"k": 2}, {"k": 3}, {"k": 1}, {"k": 2, "threshold": 0.0}]


def pass_at_k_norm(rewards, scored, group, mask, *, k=4, threshold=0.5):
  """Mean of the z-scores of the subsets that a response is in."""
  advantages = np.zeros(mask.shape)
  for name in np.unique(group):
    members = [i for i in np.flatnonzero(group == name) if scored[i]]
    subsets = list(itertools.combinations(members, min(k, len(members))))
    solved = [float(any(rewards[i] > threshold for i in s)) for s in subsets]
    if len(set(solved)) < 2:
      continue
    mean, spread = statistics.fmean(solved), statistics.pstdev(solved)
    for i in members:
      with_it = [s for subset, s in zip(subsets, solved, strict=True) if i in subset]
      advantages[i] = mask[i] * statistics.fmean((s - mean) / spread for s in with_it)
  return advantages
