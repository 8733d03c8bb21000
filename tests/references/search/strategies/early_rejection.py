"""Cheshmi et al. 2025: the theory of rejecting by partial scores."""

import math

CASES = [{"beams": 4}, {"beams": 16}, {"beams": 64}]


def rejection_bound(gap, sigma, *, beams):
  """Union bound over the other beams, each beaten by noise of variance 2 sigma^2."""
  one = math.exp(-((gap / math.sqrt(2)) ** 2) / (2 * sigma**2))
  return min(1.0, sum(one for _ in range(beams - 1)))


def tokens_needed(correlation, length):
  """The fewest whole tokens whose share of the length is enough."""
  tokens = 0
  while math.sqrt(tokens / length) < correlation - 1e-9:
    tokens += 1
  return tokens
