"""Greedy continuations, how sure the model was of each token, and its second choice.

Host code around the sampler, and one forward pass over what it wrote.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxrl import prompts
from jaxrl.models.cache import EMPTY
from jaxrl.models.decoder import Decoder
from jaxrl.prm.grow import LINES, Ask, Grower


@dataclasses.dataclass(frozen=True)
class Line:
  """The most likely continuation of a prefix, token by token."""

  tokens: tuple[int, ...]  # the stop token too, where there is one, and room for it
  entropy: np.ndarray  # [R] of each token's distribution at temperature 1, nats
  second: np.ndarray  # [R] the second most likely token

  def after(self, count: int) -> "Line":
    """What comes after its first tokens."""
    return Line(self.tokens[count:], self.entropy[count:], self.second[count:])


def lines(grower: Grower, asked: Sequence[Ask]) -> list[Line]:
  """A line behind each node, up to the end of its response or of the room for it."""
  run, size = grower.run, grower.run.config.labelling.batch_prefixes
  longest = run.config.sampling.max_response_tokens
  drawn = grower.sample(asked, 1, longest, LINES, greedy=True)
  said = []
  for ask, ((ids, logs, _),) in zip(asked, drawn, strict=True):
    # The stop token is not among the ids; its log-prob is there.
    whole = [*ids, *run.rules.stop_ids[:1]] if len(logs) > len(ids) else ids
    said.append(whole[: max(grower.room - len(ask.node.tokens), 0)])
  found = []
  for start in range(0, len(asked), size):
    part = list(
      zip(asked[start : start + size], said[start : start + size], strict=True)
    )
    filled = part + [part[-1]] * (size - len(part))
    before = [grower.plots[a.plot].prompt + list(a.node.tokens) for a, _ in filled]
    entropy, second = _looks(grower, before, [ids for _, ids in filled])
    for row, (_, ids) in enumerate(part):
      first = len(before[row]) - 1  # the place that predicts the first of them
      at = slice(first, first + len(ids))
      found.append(Line(tuple(ids), entropy[row, at], second[row, at]))
  return found


def _looks(
  grower: Grower, before: Sequence[list[int]], said: Sequence[list[int]]
) -> tuple[np.ndarray, np.ndarray]:
  """At each place of each row: entropy of what comes next, and its second choice."""
  run, sampling = grower.run, grower.run.config.sampling
  tokens, lengths = prompts.pad(
    [[*b, *s] for b, s in zip(before, said, strict=True)],
    bucket=sampling.prompt_bucket_tokens,
    max_tokens=sampling.max_prompt_tokens + 2 * sampling.max_response_tokens,
    pad_id=run.tokenizer.pad_id,
  )
  place = np.arange(tokens.shape[1])[None]
  positions = np.where(place < lengths[:, None], place, EMPTY).astype(np.int32)
  variables = run.policy.variables(grower.params, run.frozen)
  found = _look(run.policy.decoder, variables, jnp.asarray(tokens), positions)
  return np.asarray(found[0]), np.asarray(found[1])


@functools.partial(jax.jit, static_argnames="decoder")
def _look(
  decoder: Decoder, variables: Any, tokens: Int[Array, "B T"], positions: Array
) -> tuple[Float[Array, "B T"], Int[Array, "B T"]]:
  out: Any = decoder.apply(variables, tokens, positions)

  def of_row(hidden: Float[Array, "T D"]) -> tuple[Array, Array]:
    logits: Any = decoder.apply(variables, hidden, method="logits")
    logp = jax.nn.log_softmax(logits)
    second = jax.lax.top_k(logp, 2)[1][:, 1]
    return -jnp.sum(jnp.exp(logp) * logp, axis=-1), second.astype(jnp.int32)

  # Row by row: the logits of all of them at a time would not fit.
  return jax.lax.map(of_row, out[0])
