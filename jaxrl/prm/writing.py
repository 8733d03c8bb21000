"""A model writes texts behind prompts that are no problems of a task. Host code."""

import dataclasses
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl import draw, prompts, sampler
from jaxrl.build import Run
from jaxrl.rollout import Responses, SamplingRules
from jaxrl.types import Tree

IDS = 2**31  # of the sampler's rows


def encode(run: Run, text: str) -> list[int]:
  """Token ids of a prompt, as `prompts.encode` has those of a problem."""
  if run.config.model.chat:
    return run.tokenizer.chat([{"role": "user", "content": text}])
  return run.tokenizer.encode(text)


def write(
  run: Run,
  params: Tree,
  prefixes: Sequence[list[int]],
  rows: Sequence[Sequence[int]],
  key: jax.Array,
  *,
  batch_rows: int,
  max_tokens: int,
) -> list[list[str]]:
  """A text for each row number of each prefix, as the run samples.

  Args:
    run: the model, and how it draws.
    params: its parameters.
    prefixes: token ids; each is in the cache once for all its texts.
    rows: as many numbers for each prefix; a number is a text's randomness.
    key: consumed.
    batch_rows: sampled at a time, and a multiple of the texts of a prefix.
    max_tokens: of a text.
  """
  texts: list[list[str]] = [[] for _ in prefixes]
  if not prefixes:
    return texts
  group = len(rows[0])
  rules = dataclasses.replace(run.rules, max_tokens=max_tokens)
  for part, responses in behind(
    run, params, prefixes, rows, key, batch_prefixes=batch_rows // group, rules=rules
  ):
    words = draw.texts(run.tokenizer, responses)
    for place, i in enumerate(part):
      texts[i] = words[place * group : (place + 1) * group]
  return texts


def behind(
  run: Run,
  params: Tree,
  prefixes: Sequence[list[int]],
  rows: Sequence[Sequence[int]],
  key: jax.Array,
  *,
  batch_prefixes: int,
  rules: SamplingRules,
) -> Iterator[tuple[list[int], Responses]]:
  """Samples behind prefixes, batch by batch: which prefixes, and the responses to them.

  Responses to one prefix are adjacent; those behind the last one's are to be dropped.

  Args:
    run: the model.
    params: its parameters.
    prefixes: token ids; each is in the cache once for all its responses.
    rows: as many numbers for each prefix; a number is a response's randomness.
    key: consumed.
    batch_prefixes: sampled at a time.
    rules: how tokens are drawn.
  """
  # Long prefixes apart from short ones: a batch is padded to its longest.
  order = sorted(range(len(prefixes)), key=lambda i: len(prefixes[i]))
  for start in range(0, len(order), batch_prefixes):
    part = order[start : start + batch_prefixes]
    # Filled up to one shape; the copies are drawn and dropped.
    filled = part + [part[-1]] * (batch_prefixes - len(part))
    tokens, lengths = prompts.pad(
      [prefixes[i] for i in filled],
      bucket=run.config.sampling.prompt_bucket_tokens,
      max_tokens=run.policy.decoder.config.max_positions,
      pad_id=run.tokenizer.pad_id,
    )
    ids, keys = _named(np.array([row for i in filled for row in rows[i]]), key)
    responses = sampler.generate(
      run.policy.decoder,
      run.policy.variables(params, run.frozen),
      jnp.asarray(tokens),
      jnp.asarray(lengths),
      ids,
      keys,
      rules=rules,
      engine=run.engine,
    )
    yield part, responses


def _named(numbers: np.ndarray, key: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Ids and keys [B] of rows whose numbers may pass int32.

  Up to there the number is the id, and the key is the one that is given. Beyond, the
  key is folded with what is above, under a name that no id has.
  """
  above, ids = np.divmod(numbers, IDS)
  names = jnp.asarray(IDS + above, jnp.uint32)
  folded = jax.vmap(jax.random.fold_in, (None, 0))(key, names)
  keys = jnp.where(jnp.asarray(above > 0), folded, key)
  return jnp.asarray(ids, jnp.int32), keys
