"""OpenAI Baselines' ppo2: the worse of the plain and of the clipped squared error."""

import numpy as np

REINFORCE = False  # of the critic alone
CASES = [{}, {"clip": None}, {"clip": 0.05}, {"coefficient": 2.0}]


def value_clip(values, values_old, returns, mask, *, clip=0.2, coefficient=0.5):
  """The worse of two errors, token by token."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    estimates = [values[i, t]]
    if clip is not None:
      step = values[i, t] - values_old[i, t]
      estimates.append(values_old[i, t] + max(-clip, min(clip, step)))
    losses[i, t] = coefficient * max((v - returns[i, t]) ** 2 for v in estimates)
  return losses
