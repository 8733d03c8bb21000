"""What models say of tokens, without a [B, T, V] array, forward or backward.

The same model code, positions and temperature as the sampler's, so the two agree.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked
from jaxrl.models.attention import Segments
from jaxrl.models.cache import EMPTY
from jaxrl.models.decoder import Decoder
from jaxrl.models.heads import PartitionHead, ValueHead
from jaxrl.types import PolicyOutputs, Rollouts


def score(
  decoder: Decoder,
  variables: Any,
  batch: Rollouts,
  *,
  needs: tuple[str, ...],
  temperature: float | Array,
  response_width: int,
  responses_per_row: int = 1,
  chunk_tokens: int,
) -> PolicyOutputs:
  """One forward pass over the rows of `batch`; 0 on tokens that do not train.

  Args:
    decoder: the model.
    variables: its parameters, with LoRA adapters if there are any, and as `partition`
      those of a `PartitionHead`, for `log_partition`: the head reads the hidden states
      of the prompt, and its gradient stays in it.
    batch: rows; their `mask` says which tokens are looked at.
    needs: fields to compute of all but `values` ("logp" always is).
    temperature: of the sampler.
    response_width: R; what follows a prompt is at most so long.
    responses_per_row: neighbours with the same prompt that share one copy of it.
    chunk_tokens: logits are held for about so many tokens at a time.
  """
  at = _response_slots(batch, response_width)
  states, prompt = _states(decoder, variables, batch, at, responses_per_row)
  logp, entropy, collision = _by_chunks(
    decoder,
    variables,
    states,
    jnp.take_along_axis(batch.tokens, at, axis=1),
    temperature=temperature,
    needs=needs,
    chunk_tokens=chunk_tokens,
  )
  place = lambda x: None if x is None else _place(x, at, batch.mask)
  log_z = None
  if "log_partition" in needs:
    prompt = jax.lax.stop_gradient(prompt)
    of_prompt: Any = PartitionHead().apply({"params": variables["partition"]}, prompt)
    log_z = masked.per_token(of_prompt, batch.mask)
  return PolicyOutputs(
    logp=place(logp),
    entropy=place(entropy),
    collision=place(collision),
    log_partition=log_z,
  )


def values(
  decoder: Decoder,
  variables: Any,
  head: Any,
  batch: Rollouts,
  *,
  response_width: int,
  responses_per_row: int = 1,
) -> Float[Array, "B T"]:
  """A critic's value of what stands before each token; 0 on tokens that do not train.

  Args:
    decoder: the critic's trunk.
    variables: its parameters, with LoRA adapters if there are any.
    head: parameters of its `ValueHead`.
    batch: as in `score`, and so the rest.
    response_width: R.
    responses_per_row: neighbours that share one copy of their prompt.
  """
  at = _response_slots(batch, response_width)
  states, _ = _states(decoder, variables, batch, at, responses_per_row)
  estimates: Any = ValueHead().apply({"params": head}, states)
  return _place(estimates, at, batch.mask)


def _response_slots(batch: Rollouts, width: int) -> Int[Array, "B R"]:
  """Where each row's response is; prompts have their own lengths, up to T - R."""
  return batch.prompt_tokens[:, None] + jnp.arange(width)[None]


def _place(
  x: Float[Array, "B R"], at: Int[Array, "B R"], mask: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """Numbers of response tokens at their slots of the row; 0 where nothing trains."""
  trains = jnp.take_along_axis(mask, at, axis=1) > 0
  rows = jnp.arange(at.shape[0])[:, None]
  return jnp.zeros(mask.shape, x.dtype).at[rows, at].set(jnp.where(trains, x, 0.0))


def _states(
  decoder: Decoder,
  variables: Any,
  batch: Rollouts,
  at: Int[Array, "B R"],
  share: int,
) -> tuple[Float[Array, "B R D"], Float[Array, "B D"]]:
  """Hidden states that predict the tokens of each response; the mean over its prompt.

  Packs `share` responses behind one copy of their prompt: a prompt that is long beside
  its responses is most of the work, and it is the same for the whole group.
  """
  rows, response = at.shape
  prompt = batch.tokens.shape[1] - response
  length = batch.prompt_tokens[::share]
  slot = jnp.arange(prompt)[None]
  join = lambda first, rest: jnp.concatenate(
    [first, rest.reshape(rows // share, share * response)], axis=1
  )
  tokens = join(
    batch.tokens[::share, :prompt], jnp.take_along_axis(batch.tokens, at, axis=1)
  )
  positions = join(
    jnp.where(slot < length[:, None], slot, EMPTY),
    jnp.take_along_axis(batch.positions, at, axis=1),
  )
  owner = jnp.concatenate(
    [jnp.zeros(prompt, jnp.int32), 1 + jnp.arange(share * response) // response]
  )
  ids = jnp.broadcast_to(owner, tokens.shape)
  segments = Segments(ids=ids, prefix=jnp.where(ids == 0, -1, 0))
  hidden, _ = decoder.apply(variables, tokens, positions, segments=segments)
  # A response's first token is predicted from the prompt's last.
  last = jnp.take_along_axis(hidden, length[:, None, None] - 1, axis=1)
  inner = hidden[:, prompt:].reshape(rows, response, -1)
  first = jnp.repeat(last, share, axis=0)
  asked = (slot < length[:, None]).astype(hidden.dtype)[..., None]
  mean = jnp.sum(hidden[:, :prompt] * asked, axis=1) / jnp.sum(asked, axis=1)
  return jnp.concatenate([first, inner[:, :-1]], axis=1), jnp.repeat(mean, share, 0)


def _by_chunks(
  decoder: Decoder,
  variables: Any,
  states: Float[Array, "B K D"],
  targets: Int[Array, "B K"],
  *,
  temperature: float | Array,
  needs: tuple[str, ...],
  chunk_tokens: int,
) -> tuple[Float[Array, "B K"], Float[Array, "B K"] | None, Float[Array, "B K"] | None]:
  """Log-probs of targets, and entropies and collisions, a slice of time at a time.

  Slices run over time and not over rows, so that rows may be sharded.
  """
  rows, width, _ = states.shape
  step = min(max(1, chunk_tokens // rows), width)
  padding = -width % step
  split = lambda x: jnp.moveaxis(
    jnp.pad(x, ((0, 0), (0, padding)) + ((0, 0),) * (x.ndim - 2)).reshape(
      rows, -1, step, *x.shape[2:]
    ),
    1,
    0,
  )

  # Recomputed in the backward pass: only the states are kept, never the logits.
  @jax.checkpoint
  def chunk(variables, states, targets):
    logits: Any = decoder.apply(variables, states, method="logits")
    logits = logits / temperature
    log_z = jax.nn.logsumexp(logits, axis=-1)
    chosen = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    entropy = collision = None
    if "entropy" in needs:
      p = jnp.exp(logits - log_z[..., None])
      entropy = log_z - jnp.sum(p * logits, axis=-1)
    if "collision" in needs:
      collision = jnp.exp(jax.nn.logsumexp(2 * logits, axis=-1) - 2 * log_z)
    return chosen - log_z, entropy, collision

  body = lambda _, xs: (None, chunk(variables, *xs))
  _, out = jax.lax.scan(body, None, (split(states), split(targets)))
  join = lambda x: jnp.moveaxis(x, 0, 1).reshape(rows, -1)[:, :width]
  return jax.tree.map(join, out)
