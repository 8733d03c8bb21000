"""Which of two words a model would say next: log-probs of forced choices. Host code."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl import prompts
from jaxrl.build import Run
from jaxrl.models.cache import EMPTY
from jaxrl.policy import Policy
from jaxrl.types import Rollouts, Tree


def log_probs(
  run: Run,
  params: Tree,
  prefixes: Sequence[Sequence[int]],
  choices: Sequence[Sequence[int]],
  *,
  batch_rows: int,
  max_tokens: int,
) -> np.ndarray:
  """Mean log-prob [N, C] of the tokens of each choice behind each prefix.

  Of the model's own distribution, at temperature 1. Of a choice of one token that is
  its log-prob; longer ones are not at a disadvantage for their length.

  Args:
    run: the model.
    params: its parameters.
    prefixes: token ids.
    choices: token ids of each, none empty.
    batch_rows: so many at a time: one shape for prefixes of about the same length.
    max_tokens: a prefix is at most so long.
  """
  width = max(len(choice) for choice in choices)
  policy = dataclasses.replace(
    run.policy, temperature=1.0, response_width=width, responses_per_row=1
  )
  pairs = [(i, c) for i in range(len(prefixes)) for c in range(len(choices))]
  pairs.sort(key=lambda pair: len(prefixes[pair[0]]))
  found = np.full((len(prefixes), len(choices)), np.nan)
  for start in range(0, len(pairs), batch_rows):
    part = pairs[start : start + batch_rows]
    filled = part + [part[-1]] * (batch_rows - len(part))
    tokens, lengths = prompts.pad(
      [prefixes[i] for i, _ in filled],
      bucket=run.config.sampling.prompt_bucket_tokens,
      max_tokens=max_tokens,
      pad_id=run.tokenizer.pad_id,
    )
    batch = _rows(tokens, lengths, [choices[c] for _, c in filled], width)
    mean = np.asarray(_mean_logp(policy)(params, run.frozen, batch))
    for place, pair in enumerate(part):
      found[pair] = mean[place]
  return found


def _rows(
  tokens: np.ndarray, lengths: np.ndarray, said: Sequence[Sequence[int]], width: int
) -> Rollouts:
  """Prefixes with what is to be said behind them, which the mask marks."""
  rows, longest = tokens.shape
  tokens = np.pad(tokens, ((0, 0), (0, width)))
  place = np.arange(longest + width)[None]
  counts = np.array([len(one) for one in said])
  for row, start, one in zip(tokens, lengths, said, strict=True):
    row[start : start + len(one)] = one
  until = (lengths + counts)[:, None]
  mask = (place >= lengths[:, None]) & (place < until)
  return Rollouts(
    tokens=jnp.asarray(tokens),
    positions=jnp.asarray(np.where(place < until, place, EMPTY), jnp.int32),
    mask=jnp.asarray(mask, jnp.float32),
    prompt_tokens=jnp.asarray(lengths),
    group=jnp.arange(rows, dtype=jnp.int32),
    truncated=jnp.zeros(rows),
    logp_old=None,
    logp_sampling=None,
    score=jnp.zeros(rows),
    formatted=jnp.zeros(rows),
    scored=jnp.zeros(rows),
  )


@functools.cache
def _mean_logp(policy: Policy) -> Callable[..., jax.Array]:
  @jax.jit
  def mean(params: Tree, frozen: Tree, batch: Rollouts) -> jax.Array:
    logp = policy.forward(params, frozen, batch, ("logp",)).logp
    return jnp.sum(logp * batch.mask, axis=1) / jnp.sum(batch.mask, axis=1)

  return mean
