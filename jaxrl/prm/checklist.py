"""Web-Shepherd: the share of a checklist that is done. Chae et al., https://arxiv.org/abs/2505.15277.

  R = (1 / K) sum_k (y_k + 0.5 i_k),  y_k + i_k + n_k = 1

with the probabilities that item k is done (y), in progress (i) or not done (n): sums
over all spellings of each class among the most probable tokens at the item's verdict,
which this brings to a sum of 1. An item none of whose classes has any mass is one
whose verdict was not found: it counts for nothing. A judgement without a verdict has 0.

The paper's count of verdict words, (n_yes + 0.5 n_in) / (n_yes + n_in + n_no), is this
with a mass of 1 on each item's word. Several sampled judgements are averaged. The
authors' code adds a token once for every spelling that it contains ("Incorrect" counts
as "In", " Yes" counts twice): count each token once, by exact match.

A checklist is [K, 3] and no step has one of its own, so this is a host function and no
rule of `prm/scores`. As a reward of each step the paper takes the level as it is.
"""

import numpy as np


def checklist_score(checklist: np.ndarray) -> float:
  """Reward of one judgement, 0 to 1.

  Args:
    checklist: [K, 3] mass of yes, in progress and no of each item; NaN counts as 0.
  """
  masses = np.nan_to_num(np.asarray(checklist, dtype=np.float64).reshape(-1, 3))
  totals = masses.sum(axis=1)
  found = totals > 0
  if not found.any():
    return 0.0
  items = (masses[found, 0] + 0.5 * masses[found, 1]) / totals[found]
  return float(items.mean())
