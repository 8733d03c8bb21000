"""Yuan et al. 2024 with KTO; kappa is of the group's own rows, and detached."""

import math

import numpy as np

REINFORCE = False  # each response against a fixed point
CASES = [{}, {"beta": 0.7}]


def _sigmoid(x):
  return 1 / (1 + math.exp(-x))


def _sums(logp, logp_ref, mask):
  """Row -> sum of its log-ratios, of rows with a token."""
  return {
    i: sum(logp[i, t] - logp_ref[i, t] for t in np.flatnonzero(mask[i]))
    for i in range(len(mask))
    if mask[i].any()
  }


def _kappa(sums, group, i):
  peers = [sums[j] for j in sums if group[j] == group[i]]
  return max(0.0, sum(peers) / len(peers))


def implicit_kto(logp, logp_ref, score, group, mask, *, beta=0.05):
  """A response's loss, on its tokens."""
  losses = np.zeros(mask.shape)
  sums = _sums(logp, logp_ref, mask)
  for i, total in sums.items():
    edge = beta * _kappa(sums, group, i)
    if score[i] > 0.5:
      losses[i] = mask[i] * (1 - _sigmoid(beta * total - edge))
    else:
      losses[i] = mask[i] * (1 - _sigmoid(edge - beta * total))
  return losses


def gradient(weights, logp, logp_ref, score, group, mask, *, beta=0.05):
  """kappa does not move with the policy."""
  slopes = np.zeros(mask.shape)
  sums = _sums(logp, logp_ref, mask)
  for i, total in sums.items():
    p = _sigmoid(beta * (total - _kappa(sums, group, i)))
    sign = -1 if score[i] > 0.5 else 1
    slopes[i] = mask[i] * np.sum(weights[i] * mask[i]) * sign * beta * p * (1 - p)
  return slopes
