"""A decoder-only transformer in flax.linen: pure `apply`, layers scanned.

  decoder = Decoder(config)
  params = init_params(config, key)
  hidden, cache = decoder.apply({"params": params}, tokens, positions)
  logits = decoder.apply({"params": params}, hidden, method="logits")

The head is a call of its own, so that nobody has to hold [B, T, V].
"""

import dataclasses
import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxrl.models.attention import UNLIMITED, Segments, Stored
from jaxrl.models.cache import Cache, append
from jaxrl.models.config import DecoderConfig
from jaxrl.models.errors import ModelError
from jaxrl.models.layers import (
  Block,
  Context,
  Embed,
  Head,
  Layer,
  RMSNorm,
)
from jaxrl.models.rope import rotation

Params = dict[str, Any]
_FIELDS = dataclasses.fields(Stored)


class Decoder(nn.Module):
  """Tokens to hidden states, and hidden states to logits.

  A query sees a key iff the key is no later, is not padding (position EMPTY), is of
  a segment seen where segments are given, and on local layers within the window.
  """

  config: DecoderConfig

  def setup(self):
    config = self.config
    self.embed = Embed(config)
    self.layers = _stack(config)(config)
    self.norm = RMSNorm(config)
    if not config.tie_embeddings:
      self.head = Head(config)

  def __call__(
    self,
    tokens: Int[Array, "B T"],
    positions: Int[Array, "B T"],
    segments: Segments | None = None,
    cache: Cache | None = None,
  ) -> tuple[Float[Array, "B T D"], Cache | None]:
    """Hidden states after the final norm, [B, T, D] in the compute dtype.

    With a cache the tokens see what it holds, and the cache that is returned holds
    theirs too, at slots [length, length + T). Those have to exist: beyond the end the
    last ones would be written. What stood there, as in a ring, is still seen.
    """
    if cache is not None and segments is not None:
      raise ModelError(
        "Decoder: segments together with a cache; drop one (a cache keeps no "
        "segments: give each segment a row of its own)"
      )
    keep = cache is not None
    hidden, kept = self._forward(tokens, positions, segments, cache, keep=keep)
    if cache is not None:
      cache = append(cache, kept.k, kept.v, positions)
    if self.is_initializing():
      self.logits(hidden[:, :1])  # so that the head gets its parameters
    return hidden, cache

  def prefill(
    self, tokens: Int[Array, "B T"], positions: Int[Array, "B T"]
  ) -> tuple[Float[Array, "B T D"], Cache]:
    """As without a cache, and a full cache of exactly these T tokens."""
    hidden, kept = self._forward(tokens, positions, None, None, keep=True)
    length = jnp.asarray(tokens.shape[1], jnp.int32)
    return hidden, Cache(kept.k, kept.v, positions.astype(jnp.int32), length)

  def _forward(self, tokens, positions, segments, cache, *, keep: bool = False):
    config = self.config
    context, past = self._context(positions, segments, cache, keep)
    x = self.embed(tokens)
    if config.scale_embeddings:
      x = x * jnp.asarray(config.embed_dim**0.5, x.dtype)
    x, kept = self.layers(x, _layers(config), past, context)
    return self.norm(x), kept

  def logits(self, hidden: Float[Array, "*batch D"]) -> Float[Array, "*batch V"]:
    """Next-token logits in float32, after the final soft-cap if there is one."""
    tied = self.config.tie_embeddings
    logits = self.embed.attend(hidden) if tied else self.head(hidden)
    softcap = self.config.final_softcap
    return logits if softcap is None else jnp.tanh(logits / softcap) * softcap

  def _context(self, positions, segments, cache: Cache | None, keep: bool):
    """What the layers share, and the parts of the past, for each layer."""
    past: tuple[Cache, ...] = ()
    if cache is not None:
      tokens = positions.shape[1]
      if tokens > cache.slots:
        raise ModelError(
          f"Decoder: {tokens} tokens do not fit into {cache.slots} slots; grow() the "
          "cache"
        )
      past = (cache,) if cache.prefix is None else (cache.prefix, cache)
    ropes = [self.config.rope, self.config.local_rope]
    turns = [rotation(rope, self.config.head_dim, positions) for rope in ropes if rope]
    cos, sin = (jnp.stack(parts) for parts in zip(*turns, strict=True))
    places = tuple(part.positions for part in past)
    context = Context(positions, segments, cos, sin, places, keep)
    return context, tuple(map(_stored, past))


def _stored(cache: Cache) -> Stored:
  return Stored(**{field.name: getattr(cache, field.name) for field in _FIELDS})


def _stack(config: DecoderConfig):
  """Block, rematerialised by policy, scanned over stacked parameters."""
  block: Any = Block
  if config.remat != "none":
    policies = jax.checkpoint_policies
    policy = {
      "full": policies.nothing_saveable,
      "dots": policies.dots_with_no_batch_dims_saveable,
    }[config.remat]
    block = nn.remat(Block, policy=policy, prevent_cse=False)  # a scan needs no barrier
  return nn.scan(
    block,
    variable_axes=dict.fromkeys(("params", "lora", "scales", "recent", "hidden"), 0),
    split_rngs={"params": True},
    in_axes=(0, 0, nn.broadcast),
    length=config.num_layers,
    metadata_params={nn.PARTITION_NAME: "layers"},
  )


def _layers(config: DecoderConfig) -> Layer:
  local = np.asarray(config.local_layers or (False,) * config.num_layers)
  window = UNLIMITED if config.window is None else config.window
  return Layer(
    reach=jnp.asarray(np.where(local, window, UNLIMITED).astype(np.int32)),
    rope=jnp.asarray((local & (config.local_rope is not None)).astype(np.int32)),
  )


def _init(config: DecoderConfig, key: Array):
  tokens = jnp.zeros((1, 1), jnp.int32)
  return Decoder(config).init(key, tokens, tokens)["params"]


def init_params(config: DecoderConfig, key: Array) -> Params:
  """Random parameters, float32, layers stacked; the key is consumed."""
  return nn.meta.unbox(jax.jit(_init, static_argnums=0)(config, key))


@functools.cache
def _boxed_shapes(config: DecoderConfig) -> Params:
  return jax.eval_shape(lambda key: _init(config, key), jax.random.key(0))


def shapes(config: DecoderConfig) -> Params:
  """For each parameter a `jax.ShapeDtypeStruct`; computes nothing."""
  return nn.meta.unbox(_boxed_shapes(config))


def logical_axes(config: DecoderConfig) -> Params:
  """For each parameter a PartitionSpec of names: vocab, embed, heads, mlp, ..."""
  return nn.get_partition_spec(_boxed_shapes(config))
