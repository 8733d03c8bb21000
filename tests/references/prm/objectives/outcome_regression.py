"""Wang et al. 2024: squared error of the last output against the score."""

import numpy as np

REINFORCE = False  # a regression: there is no policy in it


def outcome_regression(step_logits, score, mask):
  """A response's squared error, on its tokens."""
  losses = np.zeros(mask.shape)
  for i in range(len(mask)):
    tokens = [t for t in range(mask.shape[1]) if mask[i, t]]
    for t in tokens:
      losses[i, t] = (step_logits[i, tokens[-1]] - score[i]) ** 2
  return losses
