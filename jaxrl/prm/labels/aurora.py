"""AURORA: majority of judges, step by step. Tan et al.,
https://arxiv.org/abs/2502.11520.

  y_t = 1[sum_k v_kt > M_t / 2]

of the M_t judges that gave a verdict on step t; judges differ in their instructions,
and see the reference answer. An even split is 0. Steps after the first error keep their
labels: the PRM is trained on whole trajectories.

Where the paper is silent (no code or formula of the vote was seen): a missing verdict
leaves its judge out on that step alone, and a step without a verdict has no label.
`aurora_soft` has the share itself.

Id: aurora
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def aurora(verdicts: Float[np.ndarray, "M S"]) -> Float[np.ndarray, " S"]:
  """1 where more than half of the judges accept the step, else 0."""
  share = evidence_rules.shares(verdicts.T)
  return np.where(np.isnan(share), np.nan, share > 0.5)
