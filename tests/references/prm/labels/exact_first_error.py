"""Lightman et al. 2023: labels up to and including the first error."""

import math

CASES = [{}]


def exact_first_error(checked):
  """Copy until a 0 has been copied."""
  labels, passed = [], False
  for verdict in checked:
    labels.append(math.nan if passed else float(verdict))
    passed = passed or verdict == 0
  return labels
