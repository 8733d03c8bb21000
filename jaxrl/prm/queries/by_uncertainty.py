"""UnPRM: uncertain steps first, by entropy. Han et al.,
https://arxiv.org/abs/2508.01773.

  u_t  = -sum_i z_i log z_i,  z = softmax(log-probs of step t's own tokens / 5)
  next = 0, then t = 1 .. S - 1 by descending u_t, until rate(t) < rate(0)

with the likelihood-weighted rates of `labels/unprm`. The softmax is over the positions
of the step, not over the vocabulary, so u is nearly the log of its length. At most S
questions, for wrong solutions; others ask nothing.

Where the paper is silent: a solution of one step asks nothing, as its label does not
depend on it; the search ends where rate(0) is 0 or cannot be had; ties go to the
earlier step; a step without tokens has u = 0.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def by_uncertainty(
  right: Float[np.ndarray, "P K"],
  likelihood: Float[np.ndarray, "P K"],
  step_logp: Sequence[np.ndarray],
  outcome: float,
) -> int:
  """The next prefix to complete, or DONE."""
  order = evidence_rules.descending(evidence_rules.entropies(step_logp)[:-1])
  return evidence_rules.next_visit(order, right, likelihood, outcome)
