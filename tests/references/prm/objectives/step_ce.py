"""Zhang et al. 2025: cross-entropy of wrong (0) and right (1)."""

import math

import numpy as np

REINFORCE = False  # a classifier's loss: there is no policy in it


def step_ce(step_outputs, step_labels, mask, *, outputs=2):
  """Cross-entropy of a label that may be soft, at every labelled step."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    weights = [math.exp(z) for z in step_outputs[i, t]]
    assert len(weights) == outputs
    target = [1 - step_labels[i, t], step_labels[i, t]]
    for share, weight in zip(target, weights, strict=True):
      losses[i, t] -= share * math.log(weight / sum(weights))
  return losses
