"""AlphaMath: values of a search tree's nodes. Chen et al.,
https://arxiv.org/abs/2405.03553.

  y_t = Q(node after t steps),  y_S = +1 if the outcome is right, else -1

in [-1, 1], the targets of its tanh value head. Q is a mean of values in [-1, 1] there;
for trees whose values are shares, `lowest` = 0 maps them:

  y_t = clip(2 (Q - lowest) / (1 - lowest) - 1, -1, 1)

Where the paper is silent: a node without a value has no label, and a solution that was
not graded has its last node's.
"""

import math

import numpy as np
from jaxtyping import Float


def alphamath(
  values: Float[np.ndarray, " P"], outcome: float, *, lowest: float = -1.0
) -> Float[np.ndarray, " S"]:
  """Targets in [-1, 1]; `lowest` is the value of a node that never succeeds."""
  scaled = 2 * (values.astype(float) - lowest) / (1 - lowest) - 1
  labels = np.clip(scaled, -1.0, 1.0)[1:]
  if not math.isnan(outcome):
    labels[-1:] = 2 * outcome - 1
  return labels
