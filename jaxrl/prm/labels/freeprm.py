"""FreePRM: pseudo labels from the outcome. Sun et al.,
https://arxiv.org/abs/2506.03570.

  y_t = outcome

on every step, with no completion and no judge. The paper corrects for their noise in
the objective, by a third class, which is not here. A solution that was not graded has
no labels.
"""

import numpy as np
from jaxtyping import Float


def freeprm(steps: int, outcome: float) -> Float[np.ndarray, " S"]:
  """The outcome, on each step."""
  return np.full(steps, outcome, dtype=float)
