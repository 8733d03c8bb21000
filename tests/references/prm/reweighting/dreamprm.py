"""Cao et al. 2025, the authors' code: softplus, divided by its mean."""

import math

CASES = [{}]


def dreamprm(domain_weights, domain):
  """A weight for each row."""
  positive = [math.log(1 + math.exp(u)) for u in domain_weights]
  mean = sum(positive) / len(positive)
  return [positive[k] / mean for k in domain]
