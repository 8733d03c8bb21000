"""The decoder's parts: linear, embedding, norm, attention, feed-forward, block."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl.models.attention import (
  Segments,
  Stored,
  cached_attention,
  recent_weights,
  visible,
)
from jaxrl.models.config import DecoderConfig
from jaxrl.models.fused import fused
from jaxrl.models.rope import rotate


@flax.struct.dataclass
class Context:
  """What every layer of one call shares."""

  positions: jax.Array  # [B, T] int32, the queries'
  segments: Segments | None
  cos: jax.Array  # [1 or 2, B, T, h/2] float32: `rope`, then `local_rope`
  sin: jax.Array  # [1 or 2, B, T, h/2] float32
  past_positions: tuple[jax.Array, ...] = ()  # [N, S] int32 of each part of the past
  keep: bool = flax.struct.field(pytree_node=False, default=False)  # return the keys


@flax.struct.dataclass
class Layer:
  """What distinguishes the layers of one stack; scanned along its axis L."""

  reach: jax.Array  # [L] int32, keys this far back or further are not seen
  rope: jax.Array  # [L] int32, which rotation of the context


def named(init: Callable[..., Any], axes: tuple[str, ...]) -> Callable[..., Any]:
  """An initialiser whose parameter carries the logical names of its axes."""
  return nn.with_logical_partitioning(init, axes)


def _kernel(spread: float, axes: tuple[str, str]) -> Callable[..., Any]:
  init = nn.initializers.variance_scaling(spread, "fan_in", "truncated_normal")
  return named(init, axes)


def _scale(module: nn.Module, name: str) -> Array | None:
  """Scales of an int8 matrix, one an output; None where the matrix is not int8."""
  if not module.has_variable("scales", name):
    return None
  scale: Array = module.get_variable("scales", name)
  return scale


def _times(y: Array, scale: Array | None) -> Array:
  """y [..., out] times scale [out], if there is one."""
  if scale is None:
    return y
  return y * jnp.broadcast_to(scale.astype(y.dtype), y.shape)


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
    y = _times(_matmul(x, kernel, self.config), _scale(self, "kernel"))
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
    if (scale := _scale(self, "embedding")) is not None:
      x = x.astype(jnp.float32) * jnp.take(scale, tokens, axis=0)[..., None]
    if (adapter := _adapter(self, self.config)) is not None:
      a, b = adapter
      x = x + jnp.take(a, tokens, axis=0) @ b
    return x.astype(self.config.compute_dtype)

  def attend(self, hidden: Float[Array, "*batch D"]) -> Float[Array, "*batch V"]:
    """Scores every token of the vocabulary, in float32."""
    scores = _project(hidden, self.embedding.T)
    scores = _times(scores, _scale(self, "embedding"))
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
    scores = _times(_project(hidden, kernel), _scale(self, "kernel"))
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


class Attention(nn.Module):
  """Grouped-query attention with rotary positions, over the past and these tokens."""

  config: DecoderConfig

  @nn.compact
  def __call__(
    self,
    x: Float[Array, "B T D"],
    layer: Layer,
    past: tuple[Stored, ...],
    context: Context,
  ) -> tuple[Float[Array, "B T D"], Stored | None]:
    """The output, and the keys and values of these tokens where they are kept."""
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
    q = q.reshape(*q.shape[:2], config.num_kv_heads, groups, config.head_dim)
    new = Stored(jnp.swapaxes(k, 1, 2), jnp.swapaxes(v, 1, 2))
    if self.is_mutable_collection("recent"):
      where = context.positions, context.segments, layer.reach
      found = recent_weights(q, k, *where, config.attention_softcap)
      self.sow("recent", "weights", found)
    if past:
      out = self._attend_past(q, (*past, new), layer, context)
    else:
      out = fused(
        q,
        k,
        v,
        positions=context.positions,
        key_positions=context.positions,
        segments=context.segments,
        reach=layer.reach,
        softcap=config.attention_softcap,
      )
    out = out.reshape(*x.shape[:2], -1)
    spread = 0.5 / config.num_layers  # so that depth does not blow up the residual
    out = Linear(
      config.embed_dim, ("heads", "embed"), config, config.out_bias, spread, name="o"
    )(out)
    return out, new if context.keep else None

  def _heads(self, name: str, x: Array, heads: int, axis: str) -> Array:
    config = self.config
    features = heads * config.head_dim
    y = Linear(features, ("embed", axis), config, config.qkv_bias, name=name)(x)
    return y.reshape(*x.shape[:2], heads, config.head_dim)

  def _attend_past(
    self, q: Array, stored: tuple[Stored, ...], layer: Layer, context: Context
  ) -> Array:
    positions = context.positions
    seen = [
      visible(positions, _repeat(keys, q.shape[0]), None, layer.reach)
      for keys in (*context.past_positions, positions)
    ]
    return cached_attention(
      q,
      tuple(zip(stored, seen, strict=True)),
      self.config.attention_softcap,
    )


def _repeat(x: Array, rows: int) -> Array:
  """Each row as often as there are neighbours that share it."""
  return jnp.repeat(x, rows // x.shape[0], axis=0)


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
  def __call__(
    self,
    x: Float[Array, "B T D"],
    layer: Layer,
    past: tuple[Stored, ...],
    context: Context,
  ) -> tuple[Float[Array, "B T D"], Stored | None]:
    """The residual stream after this layer, and the keys to keep."""
    norm = functools.partial(RMSNorm, self.config)
    y, kept = Attention(self.config, name="attn")(
      norm(name="attn_norm")(x), layer, past, context
    )
    x = x + (norm(name="post_attn_norm")(y) if self.config.post_norms else y)
    y = MLP(self.config, name="mlp")(norm(name="mlp_norm")(x))
    x = x + (norm(name="post_mlp_norm")(y) if self.config.post_norms else y)
    self.sow("hidden", "states", x)
    return x, kept
