"""The chance that every step is right. Lightman et al., https://arxiv.org/abs/2305.20050.

  R = prod_k p_k = exp(sum_k log p_k)

for scores in [0, 1], as if the steps were independent. A score of 0 or below makes the
row 0 and its gradient 0. A row without a step has 0, not the empty product 1, so that
nothing is not the best response. Below 1e-38 float32 gives 0: where rows have very many
steps, `geometric_mean` and `sum_log_odds` still tell them apart.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def product(
  step_scores: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, " B"]:
  """One score a row."""
  on = mask > 0
  scores = jnp.where(on, step_scores, jnp.ones_like(step_scores))
  positive = scores > 0
  logs = jnp.log(jnp.where(positive, scores, jnp.ones_like(scores)))
  value = jnp.exp(masked.sum_per_row(logs, mask)[:, 0])
  kept = jnp.any(on, axis=-1) & jnp.all(positive, axis=-1)
  return jnp.where(kept, value, jnp.zeros_like(value))
