"""The best step's score. Pan et al., https://arxiv.org/abs/2311.05821.

  r_i = weight max_k p_k

over the scored steps of response i; 0 where there is none. One good step is enough, so
it forgives every error: the most lenient of the paper's four (see `prm_mean`).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def prm_maximum(
  step_scores: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  weight: float = 1.0,
) -> Float[Array, " B"]:
  """One reward a row."""
  on = masked.zero(step_scored, mask) > 0
  best = jnp.max(jnp.where(on, step_scores, -jnp.inf), axis=1)
  return weight * jnp.where(jnp.any(on, axis=1), best, 0.0)
