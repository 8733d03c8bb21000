"""PAV: progress under a prover. Setlur et al., https://arxiv.org/abs/2410.08146.

  A_t = Q(t) - Q(t - 1),  Q(t) = 1 - (1 - q_t)^best_of

where q_t is the share of right completions that the prover, another policy than the one
that wrote the solution, reaches from the first t steps, and best_of tries make the
prover stronger. Labels are in [-1, 1]: targets of a regression, or rewards of RL (each
step's own; summed over later steps they telescope), and no probabilities.

The share is plugged in for the prover's true rate. Where the paper is silent: Q(S) of
the whole solution is its outcome, whoever completes it. A step has no label if its
prefix or the one before was not asked. `pav_best_of_k` has the solution's own policy as
prover.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def pav(
  prover_right: Float[np.ndarray, "P K"], outcome: float, *, best_of: int = 1
) -> Float[np.ndarray, " S"]:
  """How much each step adds to the prover's chance, in [-1, 1]."""
  failing = (1 - evidence_rules.solved(prover_right, outcome)) ** best_of
  return failing[:-1] - failing[1:]
