"""Reductions over the rows of one group, for groups of any size.

`group[b]` is the id of row b's group, 0 <= id < B; results are given back per row. Rows
whose `weight` is 0 (unscored ones) may hold NaN and count for nothing.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxrl import masked


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
  """Of centred values, divided by n - ddof (at least by 1); weights are 0 or 1.

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


def others(group: Int[Array, " B"], weight: Float[Array, " B"]) -> Float[Array, "B B"]:
  """1. at [i, j] where j is another weighted row of i's group."""
  same = group[:, None] == group[None, :]
  apart = ~jnp.eye(group.shape[0], dtype=bool)
  return jnp.where(same & apart & (weight > 0)[None, :], 1.0, 0.0)


def mean_over_pairs(
  x: Float[Array, "B B"], pairs: Float[Array, "B B"], group: Int[Array, " B"]
) -> Float[Array, " B"]:
  """Mean of x over the pairs of each row's group, 1. in `pairs`; 0 without any."""
  partners = jnp.sum(pairs, axis=1)
  of_row = jnp.sum(pairs * x, axis=1) / jnp.maximum(partners, 1.0)
  return mean(of_row, group, partners)


def leave_one_out(
  x: Float[Array, "B T"], on: Float[Array, "B T"], group: Int[Array, " B"]
) -> Float[Array, "B T"]:
  """x less the mean of the other rows' means, on the tokens where `on` is 1.

  Rows without such a token are not counted, and a row alone in its group stays as it
  is: (x - mean of all rows) n / (n - 1).
  """
  rows = jnp.max(on, axis=1)
  average = mean(masked.mean_per_row(x, on)[:, 0], group, rows)
  count = total(rows, group)
  baseline = jnp.where(count > 1, average, 0.0)
  scale = jnp.where(count > 1, count / jnp.maximum(count - 1, 1.0), 1.0)
  return masked.zero((x - baseline[:, None]) * scale[:, None], on)


def share_of_subsets(
  part: Float[Array, "..."],
  whole: Float[Array, "..."],
  size: Float[Array, "..."],
  *,
  largest: int,
) -> Float[Array, "..."]:
  """C(part, size) / C(whole, size): how likely a random subset is to lie in a part.

  As a product of `largest` or fewer ratios: factorials overflow. `size` is at most
  `largest` and `whole`.
  """
  share = jnp.ones_like(part)
  for taken in range(largest):
    ratio = jnp.maximum(part - taken, 0.0) / jnp.maximum(whole - taken, 1.0)
    share = jnp.where(taken < size, share * ratio, share)
  return share
