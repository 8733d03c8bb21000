"""Luo et al. 2024: Q + U of pairs of a state and a wrong rollout."""

import math

CASES = [{}, {"alpha": 0.9, "beta": 0.5}, {"scale": 100.0, "exploration": 1.0}]


def omegaprm(
  mc, visits, state, length, *, alpha=0.5, beta=0.9, scale=500.0, exploration=0.125
):
  """-inf for what is not in the pool."""
  scores = []
  for s, words in zip(state, length, strict=True):
    if s < 0 or mc[s] in (0, 1):
      scores.append(-math.inf)
      continue
    q = math.pow(alpha, 1 - mc[s]) * math.pow(beta, words / scale)
    scores.append(q + exploration * math.sqrt(sum(visits)) / (1 + visits[s]))
  return scores
