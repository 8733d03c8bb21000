"""Zhu et al. 2025, eq. 6: a length-normalised trajectory balance."""

import math

import numpy as np

REINFORCE = False  # a regression on ref exp(beta A) / Z
CASES = [{}, {"beta": 1.0}, {"weight": (0.0, math.inf)}, {"weight": (0.95, 1.05)}]


def _parts(i, lists, beta, weight):
  """(weight, {token: imbalance}) of a response."""
  logp, log_partition, logp_old, logp_ref, advantages, mask = lists
  tokens = np.flatnonzero(mask[i])
  likelihood = math.prod(math.exp(logp[i, t]) for t in tokens)
  likelihood_old = math.prod(math.exp(logp_old[i, t]) for t in tokens)
  scale = min(max(likelihood / likelihood_old, weight[0]), weight[1])
  forward = sum(logp[i, t] for t in tokens) / max(len(tokens), 1)
  reference = sum(logp_ref[i, t] for t in tokens) / max(len(tokens), 1)
  flow = {
    t: log_partition[i, t] + forward - beta * advantages[i, t] - reference
    for t in tokens
  }
  return scale, flow


def flow_rl(
  logp,
  log_partition,
  logp_old,
  logp_ref,
  advantages,
  mask,
  *,
  beta=15.0,
  weight=(0.8, 1.2),
):
  """The weighted squared imbalance on a response's tokens."""
  lists = (logp, log_partition, logp_old, logp_ref, advantages, mask)
  losses = np.zeros(mask.shape)
  for i in range(len(mask)):
    scale, flow = _parts(i, lists, beta, weight)
    for t, imbalance in flow.items():
      losses[i, t] = scale * imbalance**2
  return losses


def gradient(weights, *lists, beta=15.0, weight=(0.8, 1.2)):
  """The importance weight is detached."""
  slopes = {name: np.zeros(weights.shape) for name in ("logp", "log_partition")}
  for i in range(len(weights)):
    scale, flow = _parts(i, lists, beta, weight)
    for t, imbalance in flow.items():
      slope = 2 * weights[i, t] * scale * imbalance
      slopes["log_partition"][i, t] = slope
      slopes["logp"][i, list(flow)] += slope / len(flow)
  return slopes
