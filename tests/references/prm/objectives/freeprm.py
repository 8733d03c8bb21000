"""Sun et al. 2025: (right, wrong, buffer); the buffer counts by a random factor."""

import math

import numpy as np

REINFORCE = False  # a classifier's loss: there is no policy in it


def freeprm(step_outputs, step_labels, noise, mask, *, outputs=3):
  """-log(p of the label + u p of the buffer) at every step."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    weights = [math.exp(z) for z in step_outputs[i, t]]
    assert len(weights) == outputs
    right, wrong, buffer = (weight / sum(weights) for weight in weights)
    labelled = right if step_labels[i, t] > 0.5 else wrong
    losses[i, t] = -math.log(labelled + noise[i, t] * buffer)
  return losses
