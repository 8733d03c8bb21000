"""A model writes texts behind prompts that are no problems of a task. Host code."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxrl import draw, prompts, sampler
from jaxrl.build import Run
from jaxrl.types import Tree


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
  size = batch_rows // group
  # Long prefixes apart from short ones: a batch is padded to its longest.
  order = sorted(range(len(prefixes)), key=lambda i: len(prefixes[i]))
  for start in range(0, len(order), size):
    part = order[start : start + size]
    filled = part + [part[-1]] * (size - len(part))  # one shape; the copies are dropped
    tokens, lengths = prompts.pad(
      [prefixes[i] for i in filled],
      bucket=run.config.sampling.prompt_bucket_tokens,
      max_tokens=run.policy.decoder.config.max_positions,
      pad_id=run.tokenizer.pad_id,
    )
    responses = sampler.generate(
      run.policy.decoder,
      run.policy.variables(params, run.frozen),
      jnp.asarray(tokens),
      jnp.asarray(lengths),
      jnp.asarray([row for i in filled for row in rows[i]], jnp.int32),
      key,
      rules=dataclasses.replace(run.rules, max_tokens=max_tokens),
      engine=run.engine,
    )
    words = draw.texts(run.tokenizer, responses)
    for place, i in enumerate(part):
      texts[i] = words[place * group : (place + 1) * group]
  return texts
