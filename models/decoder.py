"""A decoder-only transformer in flax.linen: pure `apply`, layers scanned.

  decoder = Decoder(config)
  params = init_params(config, key)
  hidden, cache = decoder.apply({"params": params}, tokens, positions)
  logits = decoder.apply({"params": params}, hidden, method="logits")

The head is a call of its own, so that nobody has to hold [B, T, V].
"""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxrl.models.cache import Cache
from jaxrl.models.config import DecoderConfig
from jaxrl.models.errors import ModelError
from jaxrl.models.layers import (
  UNLIMITED,
  Block,
  Context,
  Embed,
  Head,
  Layer,
  RMSNorm,
  Segments,
)
from jaxrl.models.rope import rotation

Params = dict[str, Any]


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

    With a cache the T tokens' keys are written at its slots [length, length + T),
    which have to exist (a slot beyond the end would overwrite the last ones), and the
    cache that is returned holds them.
    """
    if cache is not None and segments is not None:
      raise ModelError(
        "Decoder: segments together with a cache; drop one (a cache keeps no "
        "segments: give each segment a row of its own)"
      )
    context, cache = self._context(positions, segments, cache)
    x = self.embed(tokens)
    if self.config.scale_embeddings:
      x = x * jnp.asarray(self.config.embed_dim**0.5, x.dtype)
    pair = None if cache is None else (cache.k, cache.v)
    (x, pair), _ = self.layers((x, pair), _layers(self.config), context)
    if cache is not None and pair is not None:
      cache = dataclasses.replace(
        cache, k=pair[0], v=pair[1], length=cache.length + positions.shape[1]
      )
    hidden = self.norm(x)
    if self.is_initializing():
      self.logits(hidden[:, :1])  # so that the head gets its parameters
    return hidden, cache

  def logits(self, hidden: Float[Array, "*batch D"]) -> Float[Array, "*batch V"]:
    """Next-token logits in float32, after the final soft-cap if there is one."""
    tied = self.config.tie_embeddings
    logits = self.embed.attend(hidden) if tied else self.head(hidden)
    softcap = self.config.final_softcap
    return logits if softcap is None else jnp.tanh(logits / softcap) * softcap

  def _context(self, positions, segments, cache: Cache | None):
    """What the layers share, and the cache with the new positions written."""
    slot, key_positions = None, positions
    if cache is not None:
      tokens, slots = positions.shape[1], cache.positions.shape[1]
      if tokens > slots:
        raise ModelError(
          f"Decoder: {tokens} tokens do not fit into {slots} slots; grow() the cache"
        )
      slot = cache.length
      key_positions = jax.lax.dynamic_update_slice(
        cache.positions, positions.astype(jnp.int32), (0, slot)
      )
      cache = dataclasses.replace(cache, positions=key_positions)
    ropes = [self.config.rope, self.config.local_rope]
    turns = [rotation(rope, self.config.head_dim, positions) for rope in ropes if rope]
    cos, sin = (jnp.stack(parts) for parts in zip(*turns, strict=True))
    return Context(positions, key_positions, segments, cos, sin, slot), cache


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
    variable_axes={"params": 0, "lora": 0},
    split_rngs={"params": True},
    in_axes=(0, nn.broadcast),
    length=config.num_layers,
    metadata_params={nn.PARTITION_NAME: "layers"},
  )


def _layers(config: DecoderConfig) -> Layer:
  local = np.asarray(config.local_layers or (False,) * config.num_layers)
  window = UNLIMITED if config.window is None else config.window
  return Layer(
    index=jnp.arange(config.num_layers, dtype=jnp.int32),
    reach=jnp.asarray(np.where(local, window, UNLIMITED).astype(np.int32)),
    rope=jnp.asarray((local & (config.local_rope is not None)).astype(np.int32)),
  )


def _init(config: DecoderConfig, key: Array):
  tokens = jnp.zeros((1, 1), jnp.int32)
  return Decoder(config).init(key, tokens, tokens)["params"]


def init_params(config: DecoderConfig, key: Array) -> Params:
  """Random parameters, float32, layers stacked; the key is consumed."""
  return nn.meta.unbox(jax.jit(_init, static_argnums=0)(config, key))


def shapes(config: DecoderConfig) -> Params:
  """For each parameter a `jax.ShapeDtypeStruct`; computes nothing."""
  return nn.meta.unbox(
    jax.eval_shape(lambda key: _init(config, key), jax.random.key(0))
  )


def logical_axes(config: DecoderConfig) -> Params:
  """For each parameter a PartitionSpec of names: vocab, embed, heads, mlp, ..."""
  boxed = jax.eval_shape(lambda key: _init(config, key), jax.random.key(0))
  return nn.get_partition_spec(boxed)
