"""GLoRe: stepwise ORM whose completions must use the step. Havrilla et al.,
https://arxiv.org/abs/2402.10963.

  raw_t = 1[any of K completions of the first t steps is right and uses step t's result]
  y_t   = max_{j >= t} raw_j,  raw_S = outcome

A completion that is right without the step says nothing for it, so it counts as wrong;
one that is wrong counts whatever it uses. Where the paper is silent: a right completion
of which it is not known whether it uses the step is left out, and all else is as in
`stepwise_orm`.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def stepwise_orm_used(
  right: Float[np.ndarray, "P K"],
  uses_step: Float[np.ndarray, "P K"],
  outcome: float,
) -> Float[np.ndarray, " S"]:
  """1 up to the last step with a right completion that uses it, 0 after it."""
  counted = np.where(right > 0, uses_step, right)
  rates = evidence_rules.solved(counted, outcome)[1:]
  later = np.maximum.accumulate((rates > 0)[::-1])[::-1]
  return np.where(later, 1.0, rates)
