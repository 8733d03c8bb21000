"""Yun et al. 2025: cumulative product; a wrong solution judged all right is dropped."""

import math

CASES = [{}]


def med_prm(grounded, outcome):
  """None in the product is an unknown factor: 0 times it is 0."""
  steps = grounded.shape[1]
  judge = grounded[0] if len(grounded) else [math.nan] * steps
  labels, product = [], 1.0
  for verdict in judge:
    if product == 0 or verdict == 0:
      product = 0.0
    elif math.isnan(verdict):
      product = math.nan
    labels.append(product)
  found = any(verdict == 0 for verdict in judge)
  if not found and outcome != 1:
    return [math.nan] * steps
  return labels
