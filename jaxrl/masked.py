"""Masked arithmetic. Masked entries may hold anything, NaN included."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def zero(x: Float[Array, "B T"], mask: Float[Array, "B T"]) -> Float[Array, "B T"]:
  """`x` where the mask is on, else 0: a product would let NaN through."""
  return jnp.where(mask > 0, x, jnp.zeros_like(x))


def per_token(x: Float[Array, " B"], mask: Float[Array, "B T"]) -> Float[Array, "B T"]:
  """One number a row, on each of its unmasked tokens."""
  return zero(jnp.broadcast_to(x[:, None], mask.shape), mask)


def mean_per_row(
  x: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, "B 1"]:
  """Mean of each row over its unmasked tokens; 0 for an empty row."""
  total = jnp.sum(zero(x, mask), axis=-1, keepdims=True)
  return total / jnp.maximum(jnp.sum(mask, axis=-1, keepdims=True), 1.0)


def log_ratio(
  logp: Float[Array, "B T"],
  logp_old: Float[Array, "B T"],
  mask: Float[Array, "B T"],
) -> Float[Array, "B T"]:
  """log pi - log pi_old on trained tokens, 0 elsewhere, within +-20.

  The clamp keeps exp() finite: e^20 is 5e8, far outside every clip range in use. Beyond
  it the gradient is zero, which skips tokens whose two policies no longer compare.
  """
  return jnp.clip(zero(logp - logp_old, mask), -20.0, 20.0)


def last_token(mask: Float[Array, "B T"]) -> Float[Array, "B T"]:
  """1. on the last unmasked token of each row; an empty row has none."""
  after = jnp.cumsum(mask[:, ::-1], axis=1)[:, ::-1]
  return jnp.where((mask > 0) & (after == 1), jnp.ones_like(mask), jnp.zeros_like(mask))
