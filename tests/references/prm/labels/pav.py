"""Setlur et al. 2024: how much a step changes the prover's chance."""

import math

CASES = [{}, {"best_of": 3}]


def pav(prover_right, outcome, *, best_of=1):
  """Q(now) - Q(before), Q the chance that one of best_of tries is right."""

  def chance(t):
    scored = [r for r in prover_right[t] if not math.isnan(r)]
    if t == len(prover_right) - 1 and not math.isnan(outcome):
      scored = [outcome]
    if not scored:
      return math.nan
    all_fail = 1.0
    for _ in range(best_of):
      all_fail *= scored.count(0) / len(scored)
    return 1 - all_fail

  return [chance(t) - chance(t - 1) for t in range(1, len(prover_right))]
