"""Math-Shepherd: any completion right. Wang et al., https://arxiv.org/abs/2312.08935.

  y_t = 1[any of K completions of the first t steps is right],  y_S = 1[outcome right]

its hard estimation. A step whose prefix was not asked has no label. A solution that was
not graded has none on its last step, unless the whole of it was completed.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def math_shepherd_hard(
  right: Float[np.ndarray, "P K"], outcome: float
) -> Float[np.ndarray, " S"]:
  """1 where a completion is right, 0 where none is, NaN where none was asked."""
  rates = evidence_rules.solved(right, outcome)[1:]
  return np.where(np.isnan(rates), np.nan, rates > 0)
