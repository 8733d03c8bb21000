"""Chen et al. 2024: the squared error of V = tanh(w h) at the step ends."""

import math

import numpy as np

REINFORCE = False  # a regression: there is no policy in it
CASES = [{}, {"label_scale": 2.0, "label_shift": -1.0}, {"label_shift": -0.3}]


def value_mse(step_logits, step_labels, mask, *, label_scale=1.0, label_shift=0.0):
  """(V - Q)^2 at every step end; Q is the label on the scale of V."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    grown, shrunk = math.exp(step_logits[i, t]), math.exp(-step_logits[i, t])
    value = (grown - shrunk) / (grown + shrunk)
    losses[i, t] = (value - (label_scale * step_labels[i, t] + label_shift)) ** 2
  return losses
