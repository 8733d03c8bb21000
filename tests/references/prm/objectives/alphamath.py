"""Chen et al. 2024: cross-entropy of right paths and the error of V at step ends."""

import math

import numpy as np

REINFORCE = False  # tokens of right paths are imitated, whatever their advantage
CASES = [{}, {"value_coefficient": 0.0}, {"value_coefficient": 2.0}]


def alphamath(
  logp,
  step_logits,
  step_labels,
  per_right_token,
  per_labelled_step,
  *,
  value_coefficient=0.1,
):
  """Each token's part of the two sums."""
  losses = np.zeros(logp.shape)
  for i, t in np.ndindex(logp.shape):
    if per_right_token[i][t]:
      losses[i, t] -= logp[i, t] * per_right_token[i][t]
    if per_labelled_step[i][t]:
      value = 2 / (1 + math.exp(-2 * step_logits[i, t])) - 1
      error = (value - step_labels[i, t]) ** 2
      losses[i, t] += value_coefficient * error * per_labelled_step[i][t]
  return losses


def whole(logp, step_logits, step_labels, step_labelled, mask, score):
  """(CE, MSE) of a batch."""
  nll, tokens, errors, ends = 0.0, 0, 0.0, 0
  for i, t in zip(*np.nonzero(mask), strict=True):
    if score[i] > 0.5:
      nll, tokens = nll - logp[i, t], tokens + 1
    if step_labelled[i, t]:
      value = 2 / (1 + math.exp(-2 * step_logits[i, t])) - 1
      errors, ends = errors + (value - step_labels[i, t]) ** 2, ends + 1
  return (nll / tokens if tokens else 0.0), errors / (ends + 0.001)
