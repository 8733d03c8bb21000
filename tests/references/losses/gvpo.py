"""Zhang et al. 2025, eq. 8: implicit and actual rewards, both centred on the group."""

import numpy as np

REINFORCE = False  # the gradient is -beta (r - mean r) of the whole response
CASES = [{}, {"beta": 1.5}]


def _residuals(logp, logp_old, rewards, scored, group, mask, beta):
  """By row: how far the implicit advantage is above the actual one."""
  implicit = {}
  for i in range(len(mask)):
    tokens = np.flatnonzero(mask[i])
    if scored[i] and len(tokens):
      implicit[i] = beta * sum(logp[i, t] - logp_old[i, t] for t in tokens)
  residuals = {}
  for i, value in implicit.items():
    peers = [j for j in implicit if group[j] == group[i]]
    mean_implicit = np.mean([implicit[j] for j in peers])
    mean_reward = np.mean([rewards[j] for j in peers])
    residuals[i] = (value - mean_implicit) - (rewards[i] - mean_reward)
  return residuals


def gvpo(logp, logp_old, rewards, scored, group, mask, *, beta=0.1):
  """Half the squared residual of a response, on its tokens."""
  losses = np.zeros(mask.shape)
  found = _residuals(logp, logp_old, rewards, scored, group, mask, beta)
  for i, residual in found.items():
    losses[i] = mask[i] * residual**2 / 2
  return losses


def gradient(weights, logp, logp_old, rewards, scored, group, mask, *, beta=0.1):
  """The group's mean of the log-ratios is detached."""
  slopes = np.zeros(mask.shape)
  found = _residuals(logp, logp_old, rewards, scored, group, mask, beta)
  for i, residual in found.items():
    slopes[i] = mask[i] * np.sum(weights[i] * mask[i]) * residual * beta
  return slopes
