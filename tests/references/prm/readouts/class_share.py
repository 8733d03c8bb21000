"""exp(good) over the sum of those that count."""

import math

import numpy as np

CASES = [{}, {"good": 0}, {"good": 1, "among": (0, 1, 2)}, {"good": 2, "among": (2, 0)}]


def class_share(step_outputs, mask, *, good=1, among=(0, 1)):
  """One class against some."""
  scores = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    weights = {c: math.exp(step_outputs[i, t, c]) for c in among}
    scores[i, t] = weights[good] / sum(weights.values())
  return scores
