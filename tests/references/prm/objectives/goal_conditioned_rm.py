"""Nath et al. 2024: sigmoids of cosines of states, by loops over pairs and places."""

import math

import numpy as np

REINFORCE = False  # a comparison of responses
CASES = [{}, {"positions": 3}, {"log_inside": True, "coefficient": 1.0}]


def goal_conditioned_rm(
  states, score, group, noise, mask, *, coefficient=0.5, positions=16, log_inside=False
):
  """The group's number on every token of the group."""
  losses = np.zeros(mask.shape)
  rows, width = mask.shape

  def drawn(i):
    there = [t for t in range(width) if mask[i, t]]
    chosen = sorted(there, key=lambda t: -noise[i, t])[:positions]
    return [states[i, t] for t in sorted(chosen)]

  def alike(a, b):
    cosine = sum(a * b) / math.sqrt(sum(a * a)) / math.sqrt(sum(b * b))
    return 1 / (1 + math.exp(-cosine))

  for g in set(group.tolist()):
    members = [i for i in range(rows) if group[i] == g and mask[i].any()]
    near, far = {}, {}  # of each row with a lower one: means over its pairs of rows
    for w in members:
      mine = drawn(w)
      ahead = [
        alike(mine[a], mine[b])
        for a in range(len(mine))
        for b in range(a + 1, len(mine))
      ]
      if not ahead:
        continue
      for x in members:
        if score[w] > score[x]:
          across = [alike(a, b) for a in mine for b in drawn(x)]
          if log_inside:
            near[w, x] = sum(-math.log(c) for c in ahead) / len(ahead)
            far[w, x] = sum(-math.log(1 - c) for c in across) / len(across)
          else:
            near[w, x] = sum(ahead) / len(ahead)
            far[w, x] = sum(across) / len(across)
    if not near:
      continue
    p, n = (sum(found.values()) / len(found) for found in (near, far))
    whole = p + n if log_inside else -math.log(p) - math.log(1 - n)
    for i in members:
      losses[i] = mask[i] * coefficient * whole
  return losses
