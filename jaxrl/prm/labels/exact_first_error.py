"""Up to the first error of an exact checker. As the labels of PRM800K, Lightman et al.,
https://arxiv.org/abs/2305.20050.

  y_t = checked_t for t <= f, none after;  f the first step with checked_f = 0

so 1 before the first error, 0 at it; what comes after builds on it. The paper's labels
are human. Where it is silent: a step that could not be checked has no label, and those
around it keep theirs, as the checker does not guess.
"""

import numpy as np
from jaxtyping import Float


def exact_first_error(checked: Float[np.ndarray, " S"]) -> Float[np.ndarray, " S"]:
  """The checker's verdicts up to its first 0, NaN after."""
  passed = np.maximum.accumulate(checked == 0)
  before = np.concatenate([[False], passed])[: len(checked)]
  return np.where(before, np.nan, checked.astype(float))
