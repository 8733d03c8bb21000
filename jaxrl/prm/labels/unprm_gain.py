"""UnPRM: first below the question's rate, by the rise of uncertainty. Han et al.,
https://arxiv.org/abs/2508.01773.

  rate(t) = sum_k g_tk right_tk / sum_k g_tk,  g = exp(mean log-prob of the completion)
  f       = of the steps 1 < t < S with rate(t) < rate(0), that of highest u_t - u_{t-1}
  y_t     = 1 for t < f, 0 from f on;  of a right solution 1 everywhere

with f = S where there is none: the "delta" variant of `unprm`, which never tests the
first step, and all else as there. `queries/by_uncertainty_gain` asks.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def unprm_gain(
  right: Float[np.ndarray, "P K"],
  likelihood: Float[np.ndarray, "P K"],
  step_logp: Sequence[np.ndarray],
  outcome: float,
) -> Float[np.ndarray, " S"]:
  """1 before the step that is found wrong, 0 from it on."""
  gain = np.diff(evidence_rules.entropies(step_logp)[:-1])
  order = evidence_rules.descending(gain, first=2)
  return evidence_rules.visited_labels(order, right, likelihood, outcome)
