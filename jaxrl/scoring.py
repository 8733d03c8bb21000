"""Log-probs and entropies of tokens, without a [B, T, V] array, forward or backward.

The same model code, positions and temperature as the sampler's, so the two agree.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl.models.cache import EMPTY
from jaxrl.models.decoder import Decoder
from jaxrl.models.layers import Segments
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
    variables: its parameters, with LoRA adapters if there are any.
    batch: rows; their `mask` says which tokens are looked at.
    needs: fields of PolicyOutputs to compute ("logp" always is).
    temperature: of the sampler.
    response_width: R; what follows a prompt is at most so long.
    responses_per_row: neighbours with the same prompt that share one copy of it.
    chunk_tokens: logits are held for about so many tokens at a time.
  """
  # Where each row's response is; prompts have their own lengths, up to T - R.
  at = batch.prompt_tokens[:, None] + jnp.arange(response_width)[None]
  states = _response_states(decoder, variables, batch, at, responses_per_row)
  logp, entropy = _by_chunks(
    decoder,
    variables,
    states,
    jnp.take_along_axis(batch.tokens, at, axis=1),
    temperature=temperature,
    with_entropy="entropy" in needs,
    chunk_tokens=chunk_tokens,
  )
  trains = jnp.take_along_axis(batch.mask, at, axis=1) > 0

  def place(x: Float[Array, "B R"]) -> Float[Array, "B T"]:
    empty = jnp.zeros(batch.mask.shape, x.dtype)
    return empty.at[jnp.arange(at.shape[0])[:, None], at].set(jnp.where(trains, x, 0.0))

  return PolicyOutputs(
    logp=place(logp), entropy=None if entropy is None else place(entropy)
  )


def _response_states(
  decoder: Decoder,
  variables: Any,
  batch: Rollouts,
  at: Int[Array, "B R"],
  share: int,
) -> Float[Array, "B R D"]:
  """The hidden states from which the tokens of each response are predicted.

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
  return jnp.concatenate([first, inner[:, :-1]], axis=1)


def _by_chunks(
  decoder: Decoder,
  variables: Any,
  states: Float[Array, "B K D"],
  targets: Int[Array, "B K"],
  *,
  temperature: float | Array,
  with_entropy: bool,
  chunk_tokens: int,
) -> tuple[Float[Array, "B K"], Float[Array, "B K"] | None]:
  """Log-probs (and entropies) of targets, a slice of time at a time.

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
    if not with_entropy:
      return chosen - log_z, None
    p = jnp.exp(logits - log_z[..., None])
    return chosen - log_z, log_z - jnp.sum(p * logits, axis=-1)

  body = lambda _, xs: (None, chunk(variables, *xs))
  _, out = jax.lax.scan(body, None, (split(states), split(targets)))
  join = lambda x: jnp.moveaxis(x, 0, 1).reshape(rows, -1)[:, :width]
  return jax.tree.map(join, out)
