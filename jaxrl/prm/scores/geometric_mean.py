"""The geometric mean of the steps' scores. Jiang et al., https://arxiv.org/abs/2501.12051.

  R = (prod_k p_k)^(1 / K) = exp((1 / K) sum_k log p_k)

for scores in [0, 1]: `product`, with long responses not at a disadvantage. One of
MedS^3's five. A score of 0 or below makes the row 0 and its gradient 0. A row without a
step has 0.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def geometric_mean(
  step_scores: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, " B"]:
  """One score a row."""
  on = mask > 0
  scores = jnp.where(on, step_scores, jnp.ones_like(step_scores))
  positive = scores > 0
  logs = jnp.log(jnp.where(positive, scores, jnp.ones_like(scores)))
  value = jnp.exp(masked.mean_per_row(logs, mask)[:, 0])
  kept = jnp.any(on, axis=-1) & jnp.all(positive, axis=-1)
  return jnp.where(kept, value, jnp.zeros_like(value))
