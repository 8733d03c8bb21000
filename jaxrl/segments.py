"""Reductions over the rows of one group, for groups of any size.

`group[b]` is the id of row b's group, 0 <= id < B; results are given back per row.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def total(x: Float[Array, " B"], group: Int[Array, " B"]) -> Float[Array, " B"]:
  """Sum of each row's group."""
  return jax.ops.segment_sum(x, group, num_segments=x.shape[0])[group]


def mean(
  x: Float[Array, " B"], group: Int[Array, " B"], weight: Float[Array, " B"]
) -> Float[Array, " B"]:
  """Weighted mean of each row's group; 0 where a group has no weight.

  Rows without weight may hold NaN.
  """
  kept = jnp.where(weight > 0, x, jnp.zeros_like(x)) * weight
  weights = total(weight, group)
  return total(kept, group) / jnp.where(weights > 0, weights, jnp.ones_like(weights))
