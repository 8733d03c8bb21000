"""Wang et al. 2024: -m log sigmoid(d), a mean over the pairs of a prompt."""

import math

import numpy as np

REINFORCE = False  # a comparison of responses


def bradley_terry_scaled(step_logits, score, group, mask):
  """The mean over a group's pairs, on every token of the group."""
  losses = np.zeros(mask.shape)
  filled = [i for i in range(len(mask)) if mask[i].any()]
  last = {i: max(np.flatnonzero(mask[i])) for i in filled}
  for g in set(group.tolist()):
    rows = [i for i in filled if group[i] == g]
    total, count = 0.0, 0
    for a in rows:
      for b in rows:
        strength = score[a] - score[b]
        if strength > 0:
          d = step_logits[a, last[a]] - step_logits[b, last[b]]
          total += strength * math.log(1 + math.exp(-d))
          count += 1
    for i in rows:
      losses[i] = mask[i] * total / max(count, 1)
  return losses
