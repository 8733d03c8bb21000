"""PAV: progress under best-of-K of the own policy. Setlur et al.,
https://arxiv.org/abs/2410.08146.

  A_t = (1 - q_{t-1})^best_of - (1 - q_t)^best_of

where q_t is the share of right completions of the first t steps by the policy that
wrote the solution, and 1 - (1 - q)^best_of the chance that one of best_of is right.
Labels are in [-1, 1]: targets of a regression, or rewards of RL, and no probabilities.

The share is plugged in for the true rate. Where the paper is silent: q_S of the whole
solution is its outcome. A step has no label if its prefix or the one before was not
asked. `pav` has another policy as prover.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def pav_best_of_k(
  right: Float[np.ndarray, "P K"], outcome: float, *, best_of: int = 4
) -> Float[np.ndarray, " S"]:
  """How much each step adds to the chance of best-of-K, in [-1, 1]."""
  failing = (1 - evidence_rules.solved(right, outcome)) ** best_of
  return failing[:-1] - failing[1:]
