"""UnPRM: steps by how much uncertainty rises. Han et al.,
https://arxiv.org/abs/2508.01773.

  u_t  = -sum_i z_i log z_i,  z = softmax(log-probs of step t's own tokens / 5)
  next = 0, then t = 2 .. S - 1 by descending u_t - u_{t-1}, until rate(t) < rate(0)

the "delta" variant of `by_uncertainty`, which never tests the first step: at most S - 1
questions, none for solutions of two steps or one. All else as there.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def by_uncertainty_gain(
  right: Float[np.ndarray, "P K"],
  likelihood: Float[np.ndarray, "P K"],
  step_logp: Sequence[np.ndarray],
  outcome: float,
) -> int:
  """The next prefix to complete, or DONE."""
  gain = np.diff(evidence_rules.entropies(step_logp)[:-1])
  order = evidence_rules.descending(gain, first=2)
  return evidence_rules.next_visit(order, right, likelihood, outcome)
