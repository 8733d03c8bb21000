"""VESPO 2026 as TRL has it: W^k exp(lambda (1 - W)) of the sequence's weight W."""

import math

import numpy as np

REINFORCE = True
CASES = [
  {},
  {"k_pos": 1.0},
  {"lambda_pos": 0.5},
  {"k_neg": 0.5},
  {"lambda_neg": 4.0},
]


def _phi(i, t, logp, logp_sampling, advantages, mask, hparams):
  """The kernel at row i's weight, by the sign of token t's advantage."""
  side = "pos" if advantages[i, t] >= 0 else "neg"
  defaults = {"k_pos": 2.0, "lambda_pos": 3.0, "k_neg": 3.0, "lambda_neg": 2.0}
  defaults.update(hparams)
  weight = 1.0
  for u in np.flatnonzero(mask[i]):
    weight *= math.exp(logp[i, u]) / math.exp(logp_sampling[i, u])
  power = weight ** defaults[f"k_{side}"]
  return power * math.exp(defaults[f"lambda_{side}"] * (1 - weight))


def vespo(logp, logp_sampling, advantages, mask, **hparams):
  """The weighted log-likelihood, negated."""
  losses = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    phi = _phi(i, t, logp, logp_sampling, advantages, mask, hparams)
    losses[i, t] = -phi * advantages[i, t] * logp[i, t]
  return losses


def gradient(weights, logp, logp_sampling, advantages, mask, **hparams):
  """phi is detached."""
  slopes = np.zeros(mask.shape)
  for i, t in zip(*np.nonzero(mask), strict=True):
    phi = _phi(i, t, logp, logp_sampling, advantages, mask, hparams)
    slopes[i, t] = -weights[i, t] * phi * advantages[i, t]
  return slopes
