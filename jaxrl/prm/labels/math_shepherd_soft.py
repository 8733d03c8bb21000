"""Math-Shepherd: share of right completions. Wang et al.,
https://arxiv.org/abs/2312.08935.

  y_t = (1/K) sum_k right_tk of K completions of the first t steps,  y_S = outcome

its soft estimation. The mean is over the completions that could be scored. A step whose
prefix was not asked has no label. A solution that was not graded has none on its last
step, unless the whole of it was completed.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def math_shepherd_soft(
  right: Float[np.ndarray, "P K"], outcome: float
) -> Float[np.ndarray, " S"]:
  """Share of right completions of each step's prefix, NaN where none was asked."""
  return evidence_rules.solved(right, outcome)[1:]
