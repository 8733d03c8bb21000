"""The mean probability of an ensemble of heads. Duan et al. (ActPRM), https://arxiv.org/abs/2504.10559.

  p = mean_m 1 / (1 + exp(-z_m))

of outputs that `ensemble_bce` has trained; how far they differ is not in the score.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def mean_of_heads(
  step_outputs: Float[Array, "B T C"], mask: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """Scores where the mask is on, 0 elsewhere."""
  kept = jnp.where(mask[..., None] > 0, step_outputs, 0.0)
  return masked.zero(jnp.mean(jax.nn.sigmoid(kept), axis=-1), mask)
