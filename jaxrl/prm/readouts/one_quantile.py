"""One of the quantiles of a success rate. Park et al. (PRM calibration), https://arxiv.org/abs/2506.09338.

  p = 1 / (1 + exp(-z_m))    of the quantile m

The paper ranks by the median and sets budgets by the lowest one; outputs are in the
order of `quantile`'s levels (0.1, 0.5, 0.9), so 1 is the median.
"""

import jax
from jaxtyping import Array, Float

from jaxrl import masked


def one_quantile(
  step_outputs: Float[Array, "B T C"], mask: Float[Array, "B T"], *, index: int = 1
) -> Float[Array, "B T"]:
  """Scores where the mask is on, 0 elsewhere."""
  z = masked.zero(step_outputs[..., index], mask)
  return masked.zero(jax.nn.sigmoid(z), mask)
