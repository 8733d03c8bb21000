"""FoVer: what a formal checker says. Kamoi et al., https://arxiv.org/abs/2505.15960.

  y_t = 1[the checker accepts step t]

each step by its own premises (Z3 for one inference, Isabelle for a translated proof),
so steps after the first error keep their labels. A step that could not be checked has
none. `exact_first_error` stops at the first error.
"""

import numpy as np
from jaxtyping import Float


def fover(checked: Float[np.ndarray, " S"]) -> Float[np.ndarray, " S"]:
  """The checker's verdicts."""
  return checked.astype(float)
