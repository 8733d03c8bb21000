"""Masked arithmetic. Masked entries may hold anything, NaN included."""

import jax
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


def sum_per_row(
  x: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, "B 1"]:
  """Sum of each row over its unmasked tokens."""
  return jnp.sum(zero(x, mask), axis=-1, keepdims=True)


def covariance(
  x: Float[Array, "B T"], y: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """(x - mean x)(y - mean y), means over the batch's unmasked tokens."""
  count = jnp.maximum(jnp.sum(mask), 1.0)
  x, y = zero(x, mask), zero(y, mask)
  return zero((x - jnp.sum(x) / count) * (y - jnp.sum(y) / count), mask)


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


def whiten(
  x: Float[Array, "B T"], mask: Float[Array, "B T"], *, epsilon: float, ddof: int
) -> Float[Array, "B T"]:
  """(x - mean) / sqrt(variance + epsilon) over the batch's unmasked tokens.

  The variance divides by n - ddof. Tokens that differ by no more than rounding get 0.
  """
  count = jnp.sum(mask)
  kept = zero(x, mask)
  centred = zero(kept - jnp.sum(kept) / jnp.maximum(count, 1.0), mask)
  variance = jnp.sum(centred**2) / jnp.maximum(count - ddof, 1.0)
  size = jnp.sum(jnp.abs(kept)) / jnp.maximum(count, 1.0)
  spread = jnp.sqrt(variance) > 1e-6 * size
  scale = jax.lax.rsqrt(jnp.where(spread, variance + epsilon, 1.0))
  return jnp.where(spread, centred * scale, jnp.zeros_like(kept))


def to_go(
  x: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  factor: Float[Array, "B 1"] | float,
) -> Float[Array, "B T"]:
  """y_t = x_t + factor * y of the next unmasked token; masked ones are stepped over."""
  factors = jnp.where(mask > 0, factor, jnp.ones_like(mask))
  return zero(_backward(zero(x, mask), factors), mask)


def next_token(
  x: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """`x` at the next unmasked token of the row; 0 after the last one."""
  first = _backward(zero(x, mask), 1.0 - mask)
  return zero(jnp.pad(first[:, 1:], ((0, 0), (0, 1))), mask)


def td_error(
  rewards: Float[Array, "B T"],
  values: Float[Array, "B T"],
  mask: Float[Array, "B T"],
  discount: float,
) -> Float[Array, "B T"]:
  """r_t + discount * V of the next unmasked token - V_t; V is 0 after the last one."""
  after = discount * next_token(values, mask)
  return zero(rewards, mask) + after - zero(values, mask)


def _backward(
  x: Float[Array, "B T"], factors: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """y_t = x_t + factors_t * y_(t+1), in log2(T) steps instead of T."""
  join = lambda late, early: (early[0] * late[0], early[1] + early[0] * late[1])
  return jax.lax.associative_scan(join, (factors, x), reverse=True, axis=1)[1]
