"""Log-probs and entropies of tokens, without a [B, T, V] array, forward or backward.

The same model code, positions and temperature as the sampler's, so the two agree.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl.models.decoder import Decoder
from jaxrl.types import PolicyOutputs, Rollouts


def score(
  decoder: Decoder,
  variables: Any,
  batch: Rollouts,
  *,
  needs: tuple[str, ...],
  temperature: float | Array,
  trained_tokens: int,
  chunk_tokens: int,
) -> PolicyOutputs:
  """One forward pass over the rows of `batch`; 0 on tokens that do not train.

  Args:
    decoder: the model.
    variables: its parameters, with LoRA adapters if there are any.
    batch: rows; their `mask` says which tokens are looked at.
    needs: fields of PolicyOutputs to compute ("logp" always is).
    temperature: of the sampler.
    trained_tokens: at least the number of masked-in tokens of every row; logits are
      made for so many tokens a row and no more.
    chunk_tokens: logits are held for about so many tokens at a time.
  """
  hidden, _ = decoder.apply(variables, batch.tokens, batch.positions)
  # Positions of the trained tokens of each row, in order, then others to fill up.
  order = jnp.argsort(batch.mask <= 0, axis=1, stable=True)
  index = order[:, : min(trained_tokens, batch.tokens.shape[1])]
  # The token at t is predicted from the state at t - 1; the first has no context.
  before = jnp.maximum(index - 1, 0)
  states = jnp.take_along_axis(hidden, before[:, :, None], axis=1)
  targets = jnp.take_along_axis(batch.tokens, index, axis=1)
  logp, entropy = _by_chunks(
    decoder,
    variables,
    states,
    targets,
    temperature=temperature,
    with_entropy="entropy" in needs,
    chunk_tokens=chunk_tokens,
  )
  rows = jnp.arange(index.shape[0])[:, None]
  trains = jnp.take_along_axis(batch.mask, index, axis=1) > 0
  place = lambda x: (
    jnp.zeros(batch.mask.shape, x.dtype).at[rows, index].set(jnp.where(trains, x, 0.0))
  )
  return PolicyOutputs(
    logp=place(logp), entropy=None if entropy is None else place(entropy)
  )


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
    logits = decoder.apply(variables, states, method="logits") / temperature
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
