"""Yuan et al. 2024 with NCA, as it is for pairs."""

import math

import numpy as np

REINFORCE = False  # a comparison of responses
CASES = [{}, {"beta": 0.7}]


def implicit_nca(logp, logp_ref, score, group, mask, *, beta=0.05):
  """The mean over a group's pairs, on every token of the group."""
  losses = np.zeros(mask.shape)
  p = {}
  for i in range(len(mask)):
    tokens = np.flatnonzero(mask[i])
    if len(tokens):
      reward = beta * sum(logp[i, t] - logp_ref[i, t] for t in tokens)
      p[i] = 1 / (1 + math.exp(-reward))
  for g in set(group.tolist()):
    rows = [i for i in p if group[i] == g]
    right = [i for i in rows if score[i] > 0.5]
    wrong = [i for i in rows if score[i] <= 0.5]
    total, count = 0.0, 0
    for w in right:
      for x in wrong:
        total -= math.log(p[w]) + math.log(1 - p[w]) / 2 + math.log(1 - p[x]) / 2
        count += 1
    if count:
      for i in rows:
        losses[i] = mask[i] * total / count
  return losses
