"""Numbers of a frozen model's tokens, and what an uncertainty head reads in them.

UHeads, Ni et al., https://arxiv.org/abs/2511.06209. Of each token either

  "attention"  what each head of each layer gives to the tokens just before it, and the
               highest probabilities of the token that follows it, in order
  "hidden"     its states after every layer

No gradient reaches the model. The head runs once for each step of a row, as its input
says which tokens are the step's; it sees the response up to the end of the step, so
what follows changes no score. The prompt is in the states and not among the tokens.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl.models.attention import RECENT, Segments
from jaxrl.models.cache import EMPTY
from jaxrl.models.config import DecoderConfig
from jaxrl.models.decoder import Decoder
from jaxrl.models.uncertainty_head import UncertaintyHead
from jaxrl.packing import Packing, by_rows
from jaxrl.types import Rollouts

TOP = 4  # probabilities of the token that follows


def size(config: DecoderConfig, reads: str) -> int:
  """How many numbers a token has."""
  if reads == "hidden":
    return config.num_layers * config.embed_dim
  return config.num_layers * config.num_heads * RECENT + TOP


def init(head: UncertaintyHead, key: Array, config: DecoderConfig) -> Any:
  """The head's parameters; the key is consumed."""
  yes = jnp.ones((1, 1), bool)
  return head.init(key, jnp.zeros((1, 1, size(config, head.reads))), yes, yes)["params"]


def step_outputs(
  decoder: Decoder,
  variables: Any,
  head: UncertaintyHead,
  params: Any,
  batch: Rollouts,
  *,
  response_width: int,
  responses_per_row: int = 1,
) -> Float[Array, "B T 1"]:
  """The head's logit of the step before each token of the mask; 0 elsewhere.

  Args:
    decoder: the model, which is only read.
    variables: its parameters, with LoRA adapters if there are any.
    head: of one output.
    params: the head's.
    batch: rows with `steps`; their `mask` marks tokens behind steps.
    response_width: R.
    responses_per_row: neighbours that share one copy of their prompt.
  """
  packing = batch.packing
  if packing is None:
    packing = by_rows(batch, response_width=response_width, share=responses_per_row)
  features = _features(decoder, variables, batch, packing, head.reads)
  features = jax.lax.stop_gradient(features)
  marks = batch.mask > 0
  before = jnp.pad(batch.steps[:, :-1], ((0, 0), (1, 0)), constant_values=-1)
  # A stop token that is read at has the number of the step before it.
  said = (batch.steps >= 0) & ~(marks & (batch.steps == before))

  def of_step(step: Array) -> Array:
    inside, seen = said & (batch.steps == step), said & (batch.steps <= step)
    logit: Any = head.apply({"params": params}, features, inside, seen)
    here = marks & (before == step)
    return jnp.where(here, jnp.broadcast_to(logit[:, None], here.shape), 0.0)

  # Recomputed in the backward pass: only the features are kept. Numbers of steps that
  # no row is read at are left out.
  @jax.checkpoint
  def add(total: Array, step: Array) -> tuple[Array, None]:
    asked = jnp.any(marks & (before == step))
    nothing = lambda step: jnp.zeros(marks.shape, jnp.float32)
    return total + jax.lax.cond(asked, of_step, nothing, step), None

  start = jnp.zeros(marks.shape, jnp.float32)
  out, _ = jax.lax.scan(add, start, jnp.arange(response_width))
  return out[..., None]


def _features(
  decoder: Decoder, variables: Any, batch: Rollouts, packing: Packing, reads: str
) -> Float[Array, "B T F"]:
  """Numbers of the tokens where they stand in the batch; 0 where no model read one.

  Of prompts that are shared only one row has them.
  """
  tokens = jnp.take(batch.tokens, packing.source, mode="clip")
  positions = jnp.take(batch.positions, packing.source, mode="fill", fill_value=EMPTY)
  segments = Segments(ids=packing.segment, prefix=packing.prefix)
  collection = "recent" if reads == "attention" else "hidden"
  out: Any = decoder.apply(
    variables, tokens, positions, segments=segments, mutable=[collection]
  )
  (hidden, _), kept = out
  (found,) = jax.tree.leaves(kept)  # [L, M, W, ...]
  packed = jnp.moveaxis(found.astype(jnp.float32), 0, 2)
  packed = packed.reshape(*tokens.shape, -1)
  if reads == "attention":
    top = _top_probabilities(decoder, variables, hidden)
    packed = jnp.concatenate([packed, top], axis=-1)
  count = packed.shape[-1]
  flat = jnp.zeros((batch.tokens.size, count), jnp.float32)
  flat = flat.at[packing.source.reshape(-1)].set(packed.reshape(-1, count), mode="drop")
  return flat.reshape(*batch.tokens.shape, count)


def _top_probabilities(decoder: Decoder, variables: Any, hidden: Array) -> Array:
  """[M, W, TOP], highest first; one place of all rows at a time: no [M, W, V]."""

  def one(states: Array) -> Array:
    logits: Any = decoder.apply(variables, states, method="logits")
    return jax.lax.top_k(jax.nn.softmax(logits, axis=-1), TOP)[0]

  return jnp.moveaxis(jax.lax.map(one, jnp.moveaxis(hidden, 1, 0)), 0, 1)
