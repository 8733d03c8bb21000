"""The worst step's score. Wang et al., https://arxiv.org/abs/2312.08935.

  R = min_k p_k

How Math-Shepherd, PQM, FoVer and Med-PRM rank responses; the minimum of log p_k ranks
them alike. Any range of scores serves. Tied worst steps share the gradient. A row
without a step has 0.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def minimum(
  step_scores: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, " B"]:
  """One score a row."""
  worst = jnp.min(jnp.where(mask > 0, step_scores, jnp.inf), axis=-1)
  return jnp.where(jnp.any(mask > 0, axis=-1), worst, jnp.zeros_like(worst))
