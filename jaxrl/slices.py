"""A batch in parts, one after the other: memory, not mathematics."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxrl import packing
from jaxrl.types import Rollouts, Tree


def by_parts(fn: Callable[[Rollouts], Tree], batch: Rollouts, parts: int) -> Tree:
  """`fn` of equal slices of the rows, joined along the rows; or of the packed parts.

  `fn` gives arrays [B, T] that are 0 on tokens that do not train.
  """
  if batch.packing is not None:
    return total(fn, packed_parts(batch), batch.packing.parts)
  split = lambda x: x.reshape(parts, -1, *x.shape[1:])
  out = jax.lax.map(fn, jax.tree.map(split, batch))
  return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), out)


def packed_parts(batch: Rollouts) -> Callable[[jax.Array], Rollouts]:
  """The whole batch, of which only the tokens of one packed part train."""

  def part(index: jax.Array) -> Rollouts:
    one = packing.take(batch.packing, index)
    mask = packing.trained_in(one, batch)
    return dataclasses.replace(batch, packing=one, mask=mask)

  return part


def row_parts(batch: Tree, parts: int) -> Callable[[jax.Array], Tree]:
  """Equal slices of the rows."""
  split = jax.tree.map(lambda x: x.reshape(parts, -1, *x.shape[1:]), batch)
  return lambda index: jax.tree.map(lambda x: x[index], split)


def total(
  fn: Callable[[Tree], Tree],
  part: Callable[[jax.Array], Tree],
  parts: int | jax.Array,
  add: Callable[[Tree, Tree], Tree] = lambda a, b: jax.tree.map(jnp.add, a, b),
) -> Tree:
  """The sum of `fn` over parts; their number may be traced."""
  one = jax.jit(lambda index: fn(part(index)))  # traced once, for both uses below
  zeros = jax.tree.map(
    lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(one, jnp.int32(0))
  )
  body = lambda index, sum: add(sum, one(index.astype(jnp.int32)))
  return jax.lax.fori_loop(0, parts, body, zeros)
