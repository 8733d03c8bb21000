"""The product of the steps' scores. Pan et al., https://arxiv.org/abs/2311.05821.

  r_i = weight prod_k p_k = weight exp(sum_k log p_k)

over the scored steps of response i, as if they were right or wrong independently: each
step of a score below 1 takes something away, so it favours few steps. 0 where there is
no scored step (not the empty product 1), and where a score is 0 or below. The sum of
logarithms keeps long rows apart until float32 ends, at 1e-38.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def prm_product(
  step_scores: Float[Array, "B T"],
  step_scored: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  *,
  weight: float = 1.0,
) -> Float[Array, " B"]:
  """One reward a row."""
  on = masked.zero(step_scored, mask) > 0
  scores = jnp.where(on, step_scores, 1.0)
  positive = scores > 0
  logs = jnp.sum(jnp.log(jnp.where(positive, scores, 1.0)), axis=1)
  kept = jnp.any(on, axis=1) & jnp.all(positive, axis=1)
  return weight * jnp.where(kept, jnp.exp(logs), 0.0)
