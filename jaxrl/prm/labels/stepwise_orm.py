"""GLoRe: stepwise ORM, no step worse than a later one. Havrilla et al.,
https://arxiv.org/abs/2402.10963.

  raw_t = 1[any of K completions of the first t steps is right],  raw_S = outcome
  y_t   = max_{j >= t} raw_j

A later prefix from which the answer is reached shows that the steps before it were
good, so labels never rise along a solution. Where the paper is silent: a step whose
prefix was not asked is 1 if a later one is right and has no label otherwise; a measured
0 stands, though later prefixes were not asked.

Not here: the balance of 0s and 1s at each prefix length, which looks across solutions,
and the refiners, which rewrite from the first step with y = 0. `stepwise_orm_used` has
the paper's consistency filter.

Id: stepwise_orm
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def stepwise_orm(
  right: Float[np.ndarray, "P K"], outcome: float
) -> Float[np.ndarray, " S"]:
  """1 up to the last step from which a completion is right, 0 after it."""
  rates = evidence_rules.solved(right, outcome)[1:]
  later = np.maximum.accumulate((rates > 0)[::-1])[::-1]
  return np.where(later, 1.0, rates)
