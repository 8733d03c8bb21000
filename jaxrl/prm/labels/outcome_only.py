"""No label of any step: the outcome stands for itself. Cobbe et al.,
https://arxiv.org/abs/2110.14168.

  y_t = none

For what reads outcomes alone: verifiers of whole solutions, critics that are checked by
the final answer, and votes. Unlike `freeprm` it says nothing of the steps, so that no
measure of first errors is taken of guesses.
"""

import numpy as np
from jaxtyping import Float


def outcome_only(steps: int) -> Float[np.ndarray, " S"]:
  """NaN, on each step."""
  return np.full(steps, np.nan)
