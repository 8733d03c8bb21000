"""UnPRM: first visited step below the question's rate. Han et al.,
https://arxiv.org/abs/2508.01773.

  rate(t) = sum_k g_tk right_tk / sum_k g_tk,  g = exp(mean log-prob of the completion)
  f       = of the steps t < S with rate(t) < rate(0), that of highest u_t; else S
  y_t     = 1 for t < f, 0 from f on;  of a right solution 1 everywhere

u_t is the entropy of softmax(log-probs / 5) over the positions of step t's own tokens.
As in the authors' code f is the first step found in the order of u, and need not be the
earliest below the rate.

Where the paper is silent: steps that were not asked were not visited, so that this also
serves `queries/by_log_sum`, which stops at its first find; but if none is below and not
all are known, or the solution was not graded, there are no labels. Rates that differ by
rounding are equal; ties of u go to the earlier step. `queries/by_uncertainty` asks.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def unprm(
  right: Float[np.ndarray, "P K"],
  likelihood: Float[np.ndarray, "P K"],
  step_logp: Sequence[np.ndarray],
  outcome: float,
) -> Float[np.ndarray, " S"]:
  """1 before the step that is found wrong, 0 from it on."""
  order = evidence_rules.descending(evidence_rules.entropies(step_logp)[:-1])
  return evidence_rules.visited_labels(order, right, likelihood, outcome)
