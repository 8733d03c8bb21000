"""The best step's score. Pan et al., https://arxiv.org/abs/2311.05821.

  R = max_k p_k

One of the four that the paper compares, with `minimum`, `mean` and `product`. Any range
of scores serves. Tied best steps share the gradient. A row without a step has 0.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def maximum(
  step_scores: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, " B"]:
  """One score a row."""
  best = jnp.max(jnp.where(mask > 0, step_scores, -jnp.inf), axis=-1)
  return jnp.where(jnp.any(mask > 0, axis=-1), best, jnp.zeros_like(best))
