"""Setlur et al. 2024: (1 - Q before)^K - (1 - Q now)^K, Q of the own policy."""

import math

CASES = [{}, {"best_of": 1}, {"best_of": 32}]


def pav_best_of_k(right, outcome, *, best_of=4):
  """The best-of-K prover made from the policy's own completions."""
  rates = []
  for row in right:
    scored = [r for r in row if not math.isnan(r)]
    rates.append(sum(scored) / len(scored) if scored else math.nan)
  if not math.isnan(outcome):
    rates[-1] = outcome
  labels = []
  for t in range(1, len(rates)):
    before, now = rates[t - 1], rates[t]
    labels.append((1 - before) ** best_of - (1 - now) ** best_of)
  return labels
