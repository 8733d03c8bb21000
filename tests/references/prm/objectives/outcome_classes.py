"""Wang et al. 2025 (VGS): incorrect 0, correct 1, incomplete 2, at every token."""

import math

import numpy as np

REINFORCE = False  # a classifier's loss: there is no policy in it


def outcome_classes(step_outputs, score, truncated, mask, *, outputs=3):
  """Cross-entropy of the response's class at each of its tokens."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    if truncated[i]:
      label = 2
    elif score[i] > 0.5:
      label = 1
    else:
      label = 0
    total = sum(math.exp(step_outputs[i, t, c]) for c in range(outputs))
    losses[i, t] = -math.log(math.exp(step_outputs[i, t, label]) / total)
  return losses
