"""Reductions over the rows of one group, for groups of any size.

`group[b]` is the id of row b's group, 0 <= id < B; results are given back per row. Rows
whose `weight` is 0 (unscored ones) may hold NaN and count for nothing.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


def total(x: Float[Array, " B"], group: Int[Array, " B"]) -> Float[Array, " B"]:
  """Sum of each row's group."""
  return jax.ops.segment_sum(x, group, num_segments=x.shape[0])[group]


def mean(
  x: Float[Array, " B"], group: Int[Array, " B"], weight: Float[Array, " B"]
) -> Float[Array, " B"]:
  """Weighted mean of each row's group; 0 where a group has no weight."""
  kept = jnp.where(weight > 0, x, jnp.zeros_like(x)) * weight
  weights = total(weight, group)
  return total(kept, group) / jnp.where(weights > 0, weights, jnp.ones_like(weights))


def variance(
  x: Float[Array, " B"],
  group: Int[Array, " B"],
  weight: Float[Array, " B"],
  *,
  ddof: int,
) -> Float[Array, " B"]:
  """Of centred values, divided by n - ddof (by 1 where that is less); weights are 0 or 1.

  Never E[x^2] - E[x]^2: in float32 that is noise where the spread is small.
  """
  centred = jnp.where(weight > 0, x - mean(x, group, weight), jnp.zeros_like(x))
  spare = jnp.maximum(total(weight, group) - ddof, 1.0)
  return total(centred**2, group) / spare


def has_spread(
  x: Float[Array, " B"], group: Int[Array, " B"], weight: Float[Array, " B"]
) -> Bool[Array, " B"]:
  """True on weighted rows of groups whose values differ by more than rounding.

  Equal values leave the rounding of their mean, which a division by their standard
  deviation would blow up.
  """
  std = jnp.sqrt(variance(x, group, weight, ddof=1))
  size = mean(jnp.abs(x), group, weight)
  return (std > 1e-6 * size) & (total(weight, group) > 1) & (weight > 0)
