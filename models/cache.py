"""Keys and values of the tokens so far.

Slots are uniform, positions are not: a call writes all rows at the same slots
[length, length + T), and `positions` says per row which position a slot holds. So
ragged prompts need no left padding, their spare slots hold EMPTY, and nothing depends
on the order of slots: they may be used as a ring.
"""

import dataclasses
import functools
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxrl.models.config import DecoderConfig
from jaxrl.models.errors import ModelError

# An array, or whatever stands for one inside jax.tree.map: so not typed more closely.
Leaf = Any

EMPTY = 2**30  # the position of padding and of unused slots: as a key, never seen


@flax.struct.dataclass
class Cache:
  """All layers' keys and values. S slots, K kv heads of h dimensions.

  Keys lie head by head, [K, S, h], as attention reads them. In int8 each key and value
  has a scale of its own, its largest magnitude over 127.
  """

  k: Leaf  # [L, B, K, S, h]
  v: Leaf  # [L, B, K, S, h]
  positions: Leaf  # [B, S] int32, EMPTY where unused
  length: Leaf  # [] int32, where the next call writes
  k_scale: Leaf = None  # [L, B, K, S] float32, for int8
  v_scale: Leaf = None  # [L, B, K, S]
  # Of N rows, each the beginning of B / N neighbouring rows, who only read it.
  prefix: Leaf = None

  @property
  def slots(self) -> int:
    """S: how many tokens of a row it can hold, the prefix aside."""
    return self.positions.shape[1]


def init_cache(
  config: DecoderConfig, rows: int, slots: int, dtype: jnp.dtype | str | None = None
) -> Cache:
  """An empty cache; `dtype` None means the config's compute dtype; int8 is scaled."""
  shape = (config.num_layers, rows, config.num_kv_heads, slots, config.head_dim)
  dtype = jnp.dtype(config.compute_dtype if dtype is None else dtype)
  new = lambda: jnp.zeros(shape, dtype)
  scale = lambda: jnp.zeros(shape[:-1], jnp.float32) if dtype == jnp.int8 else None
  return Cache(
    k=new(),
    v=new(),
    positions=jnp.full((rows, slots), EMPTY, jnp.int32),
    length=jnp.zeros((), jnp.int32),
    k_scale=scale(),
    v_scale=scale(),
  )


def quantized(x: Float[Array, "*axes h"]) -> tuple[Array, Float[Array, "*axes"]]:
  """int8 and its scale for each last axis; x is about int8 * scale."""
  x = x.astype(jnp.float32)
  scale = jnp.max(jnp.abs(x), axis=-1) / 127
  whole = jnp.round(x / jnp.maximum(scale, 1e-30)[..., None])
  return whole.astype(jnp.int8), scale


def to_int8(cache: Cache) -> Cache:
  """The same cache, each key and value rounded to int8 with a scale."""
  k, k_scale = quantized(cache.k)
  v, v_scale = quantized(cache.v)
  return dataclasses.replace(cache, k=k, v=v, k_scale=k_scale, v_scale=v_scale)


def append(
  cache: Cache,
  k: Float[Array, "L B K T h"],
  v: Float[Array, "L B K T h"],
  positions: Int[Array, "B T"],
) -> Cache:
  """The cache with T tokens more, at its slots [length, length + T).

  One write for all layers, behind all that reads the cache: so XLA does it in place.
  """
  put = lambda into, new: jax.lax.dynamic_update_slice(
    into, new.astype(into.dtype), (0, 0, 0, cache.length, 0)[: into.ndim]
  )
  scales = {}
  if cache.k_scale is not None and cache.v_scale is not None:
    (k, k_scale), (v, v_scale) = quantized(k), quantized(v)
    scales = {"k_scale": put(cache.k_scale, k_scale)}
    scales |= {"v_scale": put(cache.v_scale, v_scale)}
  places = positions.astype(jnp.int32)
  return dataclasses.replace(
    cache,
    k=put(cache.k, k),
    v=put(cache.v, v),
    positions=jax.lax.dynamic_update_slice(cache.positions, places, (0, cache.length)),
    length=cache.length + positions.shape[1],
    **scales,
  )


def grow(cache: Cache, slots: int) -> Cache:
  """Appends unused slots until there are `slots`; the prefix stays."""
  extra = slots - cache.slots
  if extra < 0:
    raise ModelError(
      f"grow: the cache already has {slots - extra} slots, not {slots}; grow only adds"
    )

  def pad(x: jax.Array) -> jax.Array:
    return jnp.pad(x, ((0, 0),) * 3 + ((0, extra),) + ((0, 0),) * (x.ndim - 4))

  positions = jnp.pad(cache.positions, ((0, 0), (0, extra)), constant_values=EMPTY)
  return dataclasses.replace(_map(cache, pad), positions=positions)


def take_rows(cache: Cache, indices: Int[Array, " rows"]) -> Cache:
  """The rows at `indices`, in that order, each with a prefix of its own.

  A row may be taken more than once.
  """
  prefix = cache.prefix
  if prefix is not None:
    shared_by = cache.positions.shape[0] // prefix.positions.shape[0]
    prefix = take_rows(prefix, indices // shared_by)
  return dataclasses.replace(
    _map(cache, lambda x: jnp.take(x, indices, axis=1)),
    positions=jnp.take(cache.positions, indices, axis=0),
    prefix=prefix,
  )


def tidy(cache: Cache) -> Cache:
  """Unused slots go to the end of their row, and writing goes on behind the longest.

  A ring that has wrapped, or that holds rejected drafts, becomes plain again.
  """
  order = jnp.argsort(cache.positions, axis=1)  # EMPTY is the largest

  def sort(x: jax.Array) -> jax.Array:
    by_slot = order[None, :, None].reshape(
      1, order.shape[0], 1, -1, *(1,) * (x.ndim - 4)
    )
    return jnp.take_along_axis(x, by_slot, axis=3)

  positions = jnp.take_along_axis(cache.positions, order, axis=1)
  length = jnp.max(jnp.sum(positions < EMPTY, axis=1)).astype(jnp.int32)
  return dataclasses.replace(_map(cache, sort), positions=positions, length=length)


def _map(cache: Cache, fn) -> Cache:
  """`fn` of all that has axes [L, B, K, S, ...]; of the prefix nothing."""
  of = lambda x: None if x is None else fn(x)
  return dataclasses.replace(
    cache,
    k=fn(cache.k),
    v=fn(cache.v),
    k_scale=of(cache.k_scale),
    v_scale=of(cache.v_scale),
  )


def copy_rows(
  into: Cache, source: Cache, where: Bool[Array, " rows"], rows: Int[Array, " rows"]
) -> Cache:
  """`into` with row i replaced by the source's row `rows[i]` where `where[i]`.

  A loop over the replaced rows: it costs what they hold and not what all do.
  """
  targets = jnp.argsort(~where)

  def one(i: jax.Array, into: Cache) -> Cache:
    target, row = targets[i], rows[targets[i]]

    def copy(axis: int, into: jax.Array, source: jax.Array) -> jax.Array:
      taken = jax.lax.dynamic_index_in_dim(source, row, axis)
      return jax.lax.dynamic_update_slice_in_dim(into, taken, target, axis)

    return dataclasses.replace(
      jax.tree.map(functools.partial(copy, 1), _arrays(into), _arrays(source)),
      positions=copy(0, into.positions, source.positions),
      length=into.length,
    )

  return jax.lax.fori_loop(0, jnp.sum(where), one, into)


def _arrays(cache: Cache) -> Cache:
  """What has axes [L, B, ...] of a cache without prefix; None in place of the rest."""
  return dataclasses.replace(cache, positions=None, length=None)
