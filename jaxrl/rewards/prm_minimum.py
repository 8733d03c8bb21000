"""The worst step's score. Pan et al., https://arxiv.org/abs/2311.05821.

  r_i = weight min_k p_k

over the scored steps of response i; 0 where there is none. A further step never raises
it. A second-hand account of the paper has it below the baseline on MATH. `pure` has
almost the same sum (its softmax is soft), but gives it to the worst step and not to the
last token.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def prm_minimum(
  step_scores: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  weight: float = 1.0,
) -> Float[Array, " B"]:
  """One reward a row."""
  on = masked.zero(step_scored, mask) > 0
  worst = jnp.min(jnp.where(on, step_scores, jnp.inf), axis=1)
  return weight * jnp.where(jnp.any(on, axis=1), worst, 0.0)
