"""Keys and values of the tokens so far.

Slots are uniform, positions are not: a call writes all rows at the same slots
[length, length + T), and `positions` says per row which position a slot holds. So
ragged prompts need no left padding; their spare slots hold EMPTY.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from jaxrl.models.config import DecoderConfig
from jaxrl.models.errors import ModelError

EMPTY = 2**30  # the position of padding and of unused slots: as a key, never seen


@flax.struct.dataclass
class Cache:
  """All layers' keys and values. S slots, K kv heads of h dimensions."""

  k: jax.Array  # [L, B, S, K, h]
  v: jax.Array  # [L, B, S, K, h]
  positions: jax.Array  # [B, S] int32, EMPTY where unused
  length: jax.Array  # [] int32, slots written so far


def init_cache(
  config: DecoderConfig, rows: int, slots: int, dtype: jnp.dtype | str | None = None
) -> Cache:
  """An empty cache; `dtype` None means the config's compute dtype."""
  shape = (config.num_layers, rows, slots, config.num_kv_heads, config.head_dim)
  dtype = config.compute_dtype if dtype is None else dtype
  return Cache(
    k=jnp.zeros(shape, dtype),
    v=jnp.zeros(shape, dtype),
    positions=jnp.full((rows, slots), EMPTY, jnp.int32),
    length=jnp.zeros((), jnp.int32),
  )


def repeat_rows(cache: Cache, times: int) -> Cache:
  """Every row `times` times, copies adjacent: one prefill serves a whole group."""
  return dataclasses.replace(
    cache,
    k=jnp.repeat(cache.k, times, axis=1),
    v=jnp.repeat(cache.v, times, axis=1),
    positions=jnp.repeat(cache.positions, times, axis=0),
  )


def grow(cache: Cache, slots: int) -> Cache:
  """Appends unused slots until there are `slots`."""
  extra = slots - cache.positions.shape[1]
  if extra < 0:
    raise ModelError(
      f"grow: the cache already has {slots - extra} slots, not {slots}; grow only adds"
    )
  spare = ((0, 0), (0, 0), (0, extra), (0, 0), (0, 0))
  return dataclasses.replace(
    cache,
    k=jnp.pad(cache.k, spare),
    v=jnp.pad(cache.v, spare),
    positions=jnp.pad(cache.positions, spare[1:3], constant_values=EMPTY),
  )


def take_rows(cache: Cache, indices: Int[Array, " rows"]) -> Cache:
  """The rows at `indices`, in that order; a row may be taken more than once."""
  return dataclasses.replace(
    cache,
    k=jnp.take(cache.k, indices, axis=1),
    v=jnp.take(cache.v, indices, axis=1),
    positions=jnp.take(cache.positions, indices, axis=0),
  )
