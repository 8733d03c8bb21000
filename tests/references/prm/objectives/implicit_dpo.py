"""Yuan et al. 2024 with DPO: right answers over wrong ones, pair by pair."""

import math

import numpy as np

REINFORCE = False  # a comparison of responses
CASES = [{}, {"beta": 0.7}]


def implicit_dpo(logp, logp_ref, score, group, mask, *, beta=0.05):
  """The mean over a group's pairs, on every token of the group."""
  losses = np.zeros(mask.shape)
  reward = {}
  for i in range(len(mask)):
    tokens = np.flatnonzero(mask[i])
    if len(tokens):
      reward[i] = beta * sum(logp[i, t] - logp_ref[i, t] for t in tokens)
  for g in set(group.tolist()):
    rows = [i for i in reward if group[i] == g]
    found = []
    for w in rows:
      for x in rows:
        if score[w] > 0.5 and score[x] <= 0.5:
          found.append(math.log(1 + math.exp(reward[x] - reward[w])))
    for i in rows:
      losses[i] = mask[i] * (sum(found) / len(found) if found else 0.0)
  return losses
