"""A value within -1..1 as a probability. Chen et al. (AlphaMath), https://arxiv.org/abs/2405.03553.

  p = (1 + tanh(z)) / 2

of a head that `value_mse` has trained on labels -1..1; the order of steps is that of V.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def tanh_value(
  step_logits: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """Scores where the mask is on, 0 elsewhere."""
  value = jnp.tanh(masked.zero(step_logits, mask))
  return masked.zero((1 + value) / 2, mask)
