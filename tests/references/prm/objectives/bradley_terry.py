"""Ouyang et al. 2022, eq. 1: the mean over all pairs of a prompt."""

import math

import numpy as np

REINFORCE = False  # a comparison of responses


def bradley_terry(step_logits, score, group, mask):
  """The mean over a group's pairs, on every token of the group."""
  losses = np.zeros(mask.shape)
  value = {}
  for i in range(len(mask)):
    for t in range(mask.shape[1]):
      if mask[i, t]:
        value[i] = step_logits[i, t]  # the last one stays
  for g in set(group.tolist()):
    rows = [i for i in value if group[i] == g]
    found = [
      -math.log(1 / (1 + math.exp(value[x] - value[w])))
      for w in rows
      for x in rows
      if score[w] > score[x]
    ]
    for i in rows:
      losses[i] = mask[i] * (sum(found) / len(found) if found else 0.0)
  return losses
