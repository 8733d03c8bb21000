"""Duan et al. 2025: mean over heads, of the rows that the heads are not sure of."""

import math

import numpy as np

REINFORCE = False  # a classifier's loss: there is no policy in it
CASES = [
  {"outputs": 3},
  {"outputs": 3, "delta_p": 0.55, "delta_std": 0.4},
  {"outputs": 3, "delta_p": 0.5, "delta_std": 0.3},
  {"outputs": 1, "delta_p": 0.6},
  {"outputs": 3, "delta_p": 5.0, "delta_std": -1.0},
]


def _is_trusted(probabilities, delta_p, delta_std):
  """Of the steps' probabilities, [[head, ..], ..], up to the first doubted step."""
  for heads in probabilities:
    mean = sum(heads) / len(heads)
    std = 0.0
    if len(heads) > 1:
      std = math.sqrt(sum((p - mean) ** 2 for p in heads) / (len(heads) - 1))
    if std > delta_std or 1 - delta_p < mean < delta_p:
      return False
    if mean < 0.5:
      break
  return True


def ensemble_bce(
  step_outputs, step_labels, mask, *, outputs=32, delta_p=0.95, delta_std=0.005
):
  """Cross-entropy at every labelled step of rows that are not trusted."""
  losses = np.zeros(mask.shape)
  for i in range(len(mask)):
    steps = np.flatnonzero(mask[i])
    p = [[1 / (1 + math.exp(-z)) for z in step_outputs[i, t]] for t in steps]
    if _is_trusted(p, delta_p, delta_std):
      continue
    for t, heads in zip(steps, p, strict=True):
      y = step_labels[i, t]
      for head in heads:
        cost = -y * math.log(head) - (1 - y) * math.log(1 - head)
        losses[i, t] += cost / outputs
  return losses
