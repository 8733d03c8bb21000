"""Instance-adaptive scaling: samples by the success rate. Park et al., https://arxiv.org/abs/2506.09338.

  N(p) = ceil(log(1 - C) / log(1 - p)),   p within 1e-4 of 0 and 1

samples, of which one is right with probability C. Beam search with at most K_max leaves
and M_max children each:

  K = the least k with k M_max >= N(p_(k)), else K_max
  p_(k) = the k-th highest low quantile
  M = min(ceil(log(1 - C) / log(1 - p_min) / K_max), M_max)
  p_min = the least low quantile of the kept leaves

K varies with M at M_max, M with K at K_max. `strategies` has the searches.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

EDGE = 1e-4


def samples_needed(
  p: Float[Array, "..."], *, confidence: float = 0.99
) -> Int[Array, "..."]:
  """N(p), at least 1."""
  return jnp.ceil(_ratio(p, confidence)).astype(jnp.int32)


def adaptive_leaves(
  low: Float[Array, " L"],
  *,
  leaves_max: int,
  children_max: int,
  confidence: float = 0.99,
) -> Int[Array, ""]:
  """K, of leaves with these low quantiles."""
  needed = samples_needed(-jnp.sort(-low), confidence=confidence)
  k = 1 + jnp.arange(low.shape[0])
  enough = (k * children_max >= needed) & (k <= leaves_max)
  return jnp.where(jnp.any(enough), 1 + jnp.argmax(enough), leaves_max)


def adaptive_children(
  low: Float[Array, " L"],
  *,
  leaves_max: int,
  children_max: int,
  confidence: float = 0.99,
) -> Int[Array, ""]:
  """M, of kept leaves with these low quantiles."""
  children = jnp.ceil(_ratio(jnp.min(low), confidence) / leaves_max)
  return jnp.clip(children.astype(jnp.int32), 1, children_max)


def _ratio(p: Float[Array, "..."], confidence: float) -> Float[Array, "..."]:
  # Less a rounding error: a hair over a whole number is that number.
  ratio = jnp.log1p(-confidence) / jnp.log1p(-jnp.clip(p, EDGE, 1 - EDGE))
  return ratio * (1 - 1e-6)
