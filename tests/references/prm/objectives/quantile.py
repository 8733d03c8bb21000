"""Park et al. 2025: the pinball loss, a mean over the quantiles."""

import math

import numpy as np

REINFORCE = False  # a regression: there is no policy in it
CASES = [
  {},
  {"outputs": 2, "levels": (0.3, 0.8)},
  {"outputs": 1, "levels": (0.5,)},
]


def quantile(step_outputs, step_labels, mask, *, outputs=3, levels=(0.1, 0.5, 0.9)):
  """Too low a quantile costs b for each unit, too high a one 1 - b."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    for m in range(outputs):
      s = 1 / (1 + math.exp(-step_outputs[i, t, m]))
      y = step_labels[i, t]
      cost = levels[m] * (y - s) if y > s else (1 - levels[m]) * (s - y)
      losses[i, t] += cost / outputs
  return losses
