"""AURORA: share of judges that accept the step. Tan et al.,
https://arxiv.org/abs/2502.11520.

  y_t = (1/M_t) sum_k v_kt

of the M_t judges that gave a verdict on step t: the soft form of `aurora`, with the
same choices.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def aurora_soft(verdicts: Float[np.ndarray, "M S"]) -> Float[np.ndarray, " S"]:
  """Share of accepting judges, NaN on a step without a verdict."""
  return evidence_rules.shares(verdicts.T)
