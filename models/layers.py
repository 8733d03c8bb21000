"""The decoder's parts: linear, embedding, norm, attention, feed-forward, block."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxrl.models.cache import EMPTY
from jaxrl.models.config import DecoderConfig
from jaxrl.models.rope import rotate

UNSEEN = -1e30  # finite: a row of nothing but -inf would make softmax NaN
UNLIMITED = 2 * EMPTY - 1  # the reach of a layer without window


@flax.struct.dataclass
class Segments:
  """Which of the sequences packed into a row a token belongs to.

  A token sees its own segment and its prefix: with one prompt as the prefix of several
  responses, the prompt is computed once for all of them.
  """

  ids: jax.Array  # [B, T] int32, 0 and up
  prefix: jax.Array  # [B, T] int32: a segment that is seen as well, -1 for none


@flax.struct.dataclass
class Context:
  """What every layer of one call shares. S is T where there is no cache."""

  positions: jax.Array  # [B, T] int32, the queries'
  key_positions: jax.Array  # [B, S] int32
  segments: Segments | None
  cos: jax.Array  # [1 or 2, B, T, h/2] float32: `rope`, then `local_rope`
  sin: jax.Array  # [1 or 2, B, T, h/2] float32
  slot: jax.Array | None  # [] int32, where a cache is written


@flax.struct.dataclass
class Layer:
  """What distinguishes the layers of one stack; scanned along its axis L."""

  index: jax.Array  # [L] int32
  reach: jax.Array  # [L] int32, keys this far back or further are not seen
  rope: jax.Array  # [L] int32, which rotation of the context


def named(init: Callable[..., Any], axes: tuple[str, ...]) -> Callable[..., Any]:
  """An initialiser whose parameter carries the logical names of its axes."""
  return nn.with_logical_partitioning(init, axes)


def _kernel(spread: float, axes: tuple[str, str]) -> Callable[..., Any]:
  init = nn.initializers.variance_scaling(spread, "fan_in", "truncated_normal")
  return named(init, axes)


def _adapter(module: nn.Module, config: DecoderConfig) -> tuple[Array, Array] | None:
  """The module's low-rank adapter, if any: a [in, r], and b [r, out] scaled."""
  if not module.has_variable("lora", "a"):
    return None
  a: Array = module.get_variable("lora", "a")
  b: Array = module.get_variable("lora", "b")
  return a, b * config.lora_scale


def _matmul(x: Array, kernel: Array, config: DecoderConfig) -> Array:
  """x [..., in] times kernel [in, out] in the compute dtype."""
  kernel = kernel.astype(x.dtype)
  if not config.row_layout or x.shape[-2] == 1:  # one token: 3-D is the faster one
    return x @ kernel
  flat = x.reshape(-1, x.shape[-1]) @ kernel
  return flat.reshape(*x.shape[:-1], kernel.shape[-1])


class Linear(nn.Module):
  """x @ kernel (+ bias) (+ adapter); kernel [in, out], float32 at rest."""

  features: int
  axes: tuple[str, str]
  config: DecoderConfig
  use_bias: bool = False
  spread: float = 1.0

  @nn.compact
  def __call__(self, x: Float[Array, "*batch in"]) -> Float[Array, "*batch out"]:
    """Maps the last axis from `in` to `features`."""
    init = _kernel(self.spread, self.axes)
    shape = (x.shape[-1], self.features)
    kernel: Array = self.param("kernel", init, shape, jnp.float32)
    y = _matmul(x, kernel, self.config)
    if (adapter := _adapter(self, self.config)) is not None:
      a, b = adapter
      y = y + _matmul(_matmul(x, a, self.config), b, self.config)
    if self.use_bias:
      init = named(nn.initializers.zeros, self.axes[1:])
      bias: Array = self.param("bias", init, (self.features,), jnp.float32)
      y = y + jnp.broadcast_to(bias.astype(y.dtype), y.shape)
    return y


class Embed(nn.Module):
  """The token table; `attend` is its use as the output head where they are tied."""

  config: DecoderConfig

  def setup(self):
    shape = (self.config.vocab_size, self.config.embed_dim)
    normal = nn.initializers.normal(self.config.embed_dim**-0.5)
    init = named(normal, ("vocab", "embed"))
    self.embedding: Array = self.param("embedding", init, shape, jnp.float32)

  def __call__(self, tokens: Int[Array, "B T"]) -> Float[Array, "B T D"]:
    """Looks tokens up; an id outside the vocabulary gives NaN, on purpose."""
    x = jnp.take(self.embedding, tokens, axis=0)
    if (adapter := _adapter(self, self.config)) is not None:
      a, b = adapter
      x = x + jnp.take(a, tokens, axis=0) @ b
    return x.astype(self.config.compute_dtype)

  def attend(self, hidden: Float[Array, "*batch D"]) -> Float[Array, "*batch V"]:
    """Scores every token of the vocabulary, in float32."""
    scores = _project(hidden, self.embedding.T)
    if (adapter := _adapter(self, self.config)) is not None:
      a, b = adapter
      low = _project(_project(hidden, b.T).astype(hidden.dtype), a.T)
      scores = scores + low
    return scores


class Head(nn.Module):
  """The output head of a model that does not tie it to the embedding."""

  config: DecoderConfig

  @nn.compact
  def __call__(self, hidden: Float[Array, "*batch D"]) -> Float[Array, "*batch V"]:
    """Scores every token of the vocabulary, in float32."""
    shape = (hidden.shape[-1], self.config.vocab_size)
    init = _kernel(1.0, ("embed", "vocab"))
    kernel: Array = self.param("kernel", init, shape, jnp.float32)
    scores = _project(hidden, kernel)
    if (adapter := _adapter(self, self.config)) is not None:
      a, b = adapter
      low = _project(_project(hidden, a).astype(hidden.dtype), b)
      scores = scores + low
    return scores


def _project(x: Array, kernel: Array) -> Array:
  """x [..., in] times kernel [in, out], summed and returned in float32."""
  flat = jnp.matmul(
    x.reshape(-1, x.shape[-1]),
    kernel.astype(x.dtype),
    preferred_element_type=jnp.float32,
  )
  return flat.reshape(*x.shape[:-1], kernel.shape[-1])


class RMSNorm(nn.Module):
  """x / rms(x) * scale, or * (1 + scale), in float32."""

  config: DecoderConfig

  @nn.compact
  def __call__(self, x: Float[Array, "*batch D"]) -> Float[Array, "*batch D"]:
    """Normalises the last axis; keeps x's dtype."""
    offset = 1.0 if self.config.norm_plus_one else 0.0
    constant = nn.initializers.constant(1.0 - offset)
    init = named(constant, ("norm",))
    scale: Array = self.param("scale", init, (x.shape[-1],), jnp.float32)
    wide = x.astype(jnp.float32)
    mean_square = jnp.mean(jnp.square(wide), axis=-1, keepdims=True)
    wide = wide * jax.lax.rsqrt(mean_square + self.config.rms_norm_eps)
    return (wide * jnp.broadcast_to(scale + offset, wide.shape)).astype(x.dtype)


def visible(
  positions: Int[Array, "B T"],
  key_positions: Int[Array, "B S"],
  segments: Segments | None,
  reach: Int[Array, ""],
) -> Bool[Array, "B T S"]:
  """The one rule of who sees whom: no later, no padding, near, in a segment seen."""
  query, key = positions[:, :, None], key_positions[:, None, :]
  seen = (key <= query) & (key < EMPTY) & (query - key < reach)
  if segments is not None:
    owner = segments.ids[:, None, :]
    same = segments.ids[:, :, None] == owner
    seen &= same | (segments.prefix[:, :, None] == owner)
  return seen


def attention(
  q: Float[Array, "B T K G h"],
  k: Float[Array, "B S K h"],
  v: Float[Array, "B S K h"],
  seen: Bool[Array, "B T S"],
  softcap: float | None,
) -> Float[Array, "B T K G h"]:
  """Softmax attention, G query heads to a kv head; a query that sees nothing gets 0."""
  scores = jnp.einsum("btkgh,bskh->bkgts", q, k, preferred_element_type=jnp.float32)
  if softcap is not None:
    scores = jnp.tanh(scores / softcap) * softcap
  scores = jnp.where(seen[:, None, None], scores, UNSEEN)
  weights = jax.nn.softmax(scores, axis=-1).astype(v.dtype)
  out = jnp.einsum("bkgts,bskh->btkgh", weights, v)
  return jnp.where(seen.any(-1)[:, :, None, None, None], out, 0)


class Attention(nn.Module):
  """Grouped-query attention with rotary positions, and the cache's one writer."""

  config: DecoderConfig

  @nn.compact
  def __call__(
    self,
    x: Float[Array, "B T D"],
    cache: tuple[Array, Array] | None,
    layer: Layer,
    context: Context,
  ) -> tuple[Float[Array, "B T D"], tuple[Array, Array] | None]:
    """Returns the output, and the cache's keys and values with this layer's in."""
    config = self.config
    groups = config.num_heads // config.num_kv_heads
    q = self._heads("q", x, config.num_heads, "heads")
    k = self._heads("k", x, config.num_kv_heads, "kv_heads")
    v = self._heads("v", x, config.num_kv_heads, "kv_heads")
    if config.qk_norm:
      q = RMSNorm(config, name="q_norm")(q)
      k = RMSNorm(config, name="k_norm")(k)
    cos, sin = context.cos[layer.rope], context.sin[layer.rope]
    scale = config.query_scale
    q = rotate(q, cos, sin) * (config.head_dim**-0.5 if scale is None else scale)
    k = rotate(k, cos, sin)
    if cache is not None:
      cache = (
        _write(cache[0], k, layer.index, context.slot),
        _write(cache[1], v, layer.index, context.slot),
      )
      k, v = (jax.lax.dynamic_index_in_dim(c, layer.index, 0, False) for c in cache)
    q = q.reshape(*q.shape[:2], config.num_kv_heads, groups, config.head_dim)
    out = self._attend(q, k.astype(q.dtype), v.astype(q.dtype), layer, context)
    out = out.reshape(*x.shape[:2], -1)
    spread = 0.5 / config.num_layers  # so that depth does not blow up the residual
    out = Linear(
      config.embed_dim, ("heads", "embed"), config, config.out_bias, spread, name="o"
    )(out)
    return out, cache

  def _heads(self, name: str, x: Array, heads: int, axis: str) -> Array:
    config = self.config
    features = heads * config.head_dim
    y = Linear(features, ("embed", axis), config, config.qkv_bias, name=name)(x)
    return y.reshape(*x.shape[:2], heads, config.head_dim)

  def _attend(self, q, k, v, layer: Layer, context: Context) -> Array:
    def some_rows(rows):
      q, k, v, positions, key_positions, segments = rows
      seen = visible(positions, key_positions, segments, layer.reach)
      return attention(q, k, v, seen, self.config.attention_softcap)

    rows = (q, k, v, context.positions, context.key_positions, context.segments)
    if not self.config.row_layout or q.shape[1] == 1:
      return some_rows(rows)

    # XLA's CPU backend runs one row's matmuls on all cores, a batch of them on one.
    def one_row(row):
      return some_rows(jax.tree.map(lambda leaf: leaf[None], row))[0]

    return jax.lax.map(one_row, rows)


def _write(cache: Array, new: Array, layer: Array, slot: Any) -> Array:
  """cache [L, B, S, K, h] with new [B, T, K, h] at this layer and the call's slots.

  The whole cache rides in the scan's carry, so that XLA updates it in place.
  """
  start = (layer, 0, slot, 0, 0)
  return jax.lax.dynamic_update_slice(cache, new[None].astype(cache.dtype), start)


class MLP(nn.Module):
  """Gated feed-forward: down(act(gate(x)) * up(x))."""

  config: DecoderConfig

  @nn.compact
  def __call__(self, x: Float[Array, "B T D"]) -> Float[Array, "B T D"]:
    """Position by position."""
    config = self.config
    activations: dict[str, Callable[[Array], Array]] = {
      "silu": jax.nn.silu,
      "gelu_tanh": functools.partial(jax.nn.gelu, approximate=True),
    }
    activate = activations[config.activation]
    wide = functools.partial(
      Linear, config.mlp_dim, ("embed", "mlp"), config, config.mlp_bias
    )
    x = activate(wide(name="gate")(x)) * wide(name="up")(x)
    spread = 0.5 / config.num_layers
    return Linear(
      config.embed_dim, ("mlp", "embed"), config, config.mlp_bias, spread, name="down"
    )(x)


class Block(nn.Module):
  """One layer: attention and feed-forward, each added to the residual stream."""

  config: DecoderConfig

  @nn.compact
  def __call__(self, carry, layer: Layer, context: Context):
    """carry: (x [B, T, D], the cache's (k, v) or None); returns (carry, None)."""
    x, cache = carry
    norm = functools.partial(RMSNorm, self.config)
    y, cache = Attention(self.config, name="attn")(
      norm(name="attn_norm")(x), cache, layer, context
    )
    x = x + (norm(name="post_attn_norm")(y) if self.config.post_norms else y)
    y = MLP(self.config, name="mlp")(norm(name="mlp_norm")(x))
    x = x + (norm(name="post_mlp_norm")(y) if self.config.post_norms else y)
    return (x, cache), None
