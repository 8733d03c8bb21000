"""UnPRM: uncertain steps first, by summed logs. Han et al.,
https://arxiv.org/abs/2508.01773.

  u_t  = -sum_i log z_i,  z = softmax(log-probs of step t's own tokens / 5)
  next = 0, then t = 1 .. S - 1 by descending u_t, until rate(t) < rate(0)

the "log_sum" variant of `by_uncertainty`, with the same choices.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def by_log_sum(
  right: Float[np.ndarray, "P K"],
  likelihood: Float[np.ndarray, "P K"],
  step_logp: Sequence[np.ndarray],
  outcome: float,
) -> int:
  """The next prefix to complete, or DONE."""
  order = evidence_rules.descending(evidence_rules.log_sums(step_logp)[:-1])
  return evidence_rules.next_visit(order, right, likelihood, outcome)
