"""What models say of tokens, without a [B, T, V] array, forward or backward.

The same model code, positions and temperature as the sampler's, so the two agree.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxrl.models.attention import Segments
from jaxrl.models.cache import EMPTY
from jaxrl.models.decoder import Decoder
from jaxrl.models.heads import PartitionHead, StepHead, ValueHead
from jaxrl.packing import Packing, by_rows
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
  packing = _packing(batch, response_width, responses_per_row)
  hidden = _hidden(decoder, variables, batch, packing)
  logp, entropy, collision = _by_chunks(
    decoder,
    variables,
    _states(hidden, packing),
    jnp.take(batch.tokens, packing.target, mode="clip"),
    jnp.take(batch.mask, packing.target, mode="fill", fill_value=0.0) > 0,
    temperature=temperature,
    needs=needs,
    chunk_tokens=chunk_tokens,
  )
  place = lambda x: None if x is None else _place(x, packing, batch.mask)
  log_z = None
  if "log_partition" in needs:
    head, tokens = variables["partition"], batch.tokens.size
    log_z = _log_partition(head, hidden, packing, tokens)
  return PolicyOutputs(
    logp=place(logp),
    entropy=place(entropy),
    collision=place(collision),
    log_partition=place(log_z),
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
  packing = _packing(batch, response_width, responses_per_row)
  hidden = _hidden(decoder, variables, batch, packing)
  states = _states(hidden, packing)
  estimates: Any = ValueHead().apply({"params": head}, states)
  return _place(estimates, packing, batch.mask)


def step_outputs(
  decoder: Decoder,
  variables: Any,
  head: StepHead,
  params: Any,
  batch: Rollouts,
  *,
  response_width: int,
  responses_per_row: int = 1,
) -> Float[Array, "B T C"]:
  """What a step head says of what stands before each token; 0 where none trains.

  A step is read at the token behind it, which the mask marks.

  Args:
    decoder: the head's trunk.
    variables: its parameters, with LoRA adapters if there are any.
    head: of C outputs.
    params: the head's.
    batch: as in `score`, and so the rest.
    response_width: R.
    responses_per_row: neighbours that share one copy of their prompt.
  """
  packing = _packing(batch, response_width, responses_per_row)
  hidden = _hidden(decoder, variables, batch, packing)
  said: Any = head.apply({"params": params}, _states(hidden, packing))
  outputs = [_place(said[..., i], packing, batch.mask) for i in range(head.outputs)]
  return jnp.stack(outputs, axis=-1)


def states(
  decoder: Decoder,
  variables: Any,
  batch: Rollouts,
  *,
  response_width: int,
  responses_per_row: int = 1,
) -> Float[Array, "B T D"]:
  """The hidden state before each token; 0 on tokens that do not train.

  Args:
    decoder: the model.
    variables: its parameters, with LoRA adapters if there are any.
    batch: as in `score`, and so the rest.
    response_width: R.
    responses_per_row: neighbours that share one copy of their prompt.
  """
  packing = _packing(batch, response_width, responses_per_row)
  found = _states(_hidden(decoder, variables, batch, packing), packing)
  found = found.astype(jnp.float32)
  flat = jnp.zeros((batch.mask.size, found.shape[-1]))
  flat = flat.at[packing.target].set(found, mode="drop")
  placed = flat.reshape(*batch.mask.shape, -1)
  return jnp.where(batch.mask[..., None] > 0, placed, 0.0)


def _packing(batch: Rollouts, response_width: int, share: int) -> Packing:
  if batch.packing is not None:
    return batch.packing
  return by_rows(batch, response_width=response_width, share=share)


def _hidden(
  decoder: Decoder, variables: Any, batch: Rollouts, packing: Packing
) -> Float[Array, "M W D"]:
  """Hidden states of the packed rows."""
  tokens = jnp.take(batch.tokens, packing.source, mode="clip")
  positions = jnp.take(batch.positions, packing.source, mode="fill", fill_value=EMPTY)
  segments = Segments(ids=packing.segment, prefix=packing.prefix)
  hidden, _ = decoder.apply(variables, tokens, positions, segments=segments)
  return hidden


def _states(hidden: Float[Array, "M W D"], packing: Packing) -> Float[Array, "M K D"]:
  """The hidden state that predicts each token."""
  return jnp.take_along_axis(hidden, packing.before[..., None], axis=1)


def _place(
  x: Float[Array, "M K"], packing: Packing, mask: Float[Array, "B T"]
) -> Float[Array, "B T"]:
  """Numbers of predicted tokens where they stand in the batch; 0 elsewhere."""
  flat = jnp.zeros(mask.size, x.dtype).at[packing.target].set(x, mode="drop")
  return jnp.where(mask > 0, flat.reshape(mask.shape), 0.0)


def _log_partition(
  head: Any, hidden: Float[Array, "M W D"], packing: Packing, tokens: int
) -> Float[Array, "M K"]:
  """log Z of the prompt of each predicted token, from its mean hidden state."""
  # Summed in float32: in bfloat16 a sum of ones ends at 256.
  hidden = jax.lax.stop_gradient(hidden).astype(jnp.float32)

  def of_row(hidden: Array, row: Packing) -> Array:
    places = row.source.shape[0]
    total = lambda x: jax.ops.segment_sum(x, row.segment, num_segments=places)
    real = (row.source < tokens).astype(hidden.dtype)[:, None]
    mean = total(hidden * real) / jnp.maximum(total(real), 1.0)
    of_segment: Any = PartitionHead().apply({"params": head}, mean)
    prompt = jnp.where(row.prefix < 0, row.segment, row.prefix)
    return of_segment[prompt[row.before]]

  return jax.vmap(of_row)(hidden, dataclasses.replace(packing, parts=None))


def _by_chunks(
  decoder: Decoder,
  variables: Any,
  states: Float[Array, "M K D"],
  targets: Int[Array, "M K"],
  asked: Bool[Array, "M K"],
  *,
  temperature: float | Array,
  needs: tuple[str, ...],
  chunk_tokens: int,
) -> tuple[Float[Array, "M K"], Float[Array, "M K"] | None, Float[Array, "M K"] | None]:
  """Log-probs of targets, and entropies and collisions, a slice of time at a time.

  Slices run over time and not over rows, so that rows may be sharded. A slice in which
  nothing is asked is left out.
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

  def nothing(variables, states, targets):
    zero = jnp.zeros(targets.shape, jnp.float32)
    return zero, *(zero if name in needs else None for name in ("entropy", "collision"))

  # Recomputed in the backward pass: only the states are kept, never the logits.
  @jax.checkpoint
  def one(variables, states, targets, asked):
    return jax.lax.cond(jnp.any(asked), chunk, nothing, variables, states, targets)

  body = lambda _, xs: (None, one(variables, *xs))
  _, out = jax.lax.scan(body, None, tuple(map(split, (states, targets, asked))))
  join = lambda x: jnp.moveaxis(x, 0, 1).reshape(rows, -1)[:, :width]
  return jax.tree.map(join, out)
