"""Ma et al. 2023: cross-entropy of negative (0), neutral (1) and positive (2)."""

import math

import numpy as np

REINFORCE = False  # a classifier's loss: there is no policy in it


def step_classes(step_outputs, step_labels, mask, *, outputs=3):
  """Minus the log share of the label's class, at every labelled step."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    weights = [math.exp(z) for z in step_outputs[i, t]]
    assert len(weights) == outputs
    label = step_labels[i, t]
    of_class = 2 if label > 0.5 else 0 if label < -0.5 else 1
    losses[i, t] = math.log(sum(weights)) - math.log(weights[of_class])
  return losses
