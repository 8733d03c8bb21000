"""Hu et al. 2025, REINFORCE++-baseline: r - group mean, then normalised over tokens."""

import numpy as np

CASES = [{}, {"epsilon": 0.5}, {"ddof": 0}, {"keep_single": True}]


def reinforce_plus_plus_baseline(
  rewards, scored, group, mask, *, epsilon=1e-8, ddof=1, keep_single=False
):
  """One number a response, normalised over the tokens of all of them."""
  tokens, where = [], []
  for i in range(len(rewards)):
    if not scored[i]:
      continue
    peers = rewards[(group == group[i]) & (scored > 0)]
    value = rewards[i] - (0.0 if keep_single and len(peers) == 1 else peers.mean())
    for t in range(mask.shape[1]):
      if mask[i, t]:
        tokens.append(value)
        where.append((i, t))
  advantages = np.zeros(mask.shape)
  if len(tokens) > 1 and np.ptp(tokens) > 1e-9:
    scale = np.sqrt(np.var(tokens, ddof=ddof) + epsilon)
    for at, value in zip(where, tokens, strict=True):
      advantages[at] = (value - np.mean(tokens)) / scale
  return advantages
