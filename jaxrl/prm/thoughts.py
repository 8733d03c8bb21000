"""Cosines between the steps of a thought, its answer, and unrelated steps. Host code.

A text is the mean of the model's last hidden states over its tokens. The paper of
ReasonFlux-PRM, https://arxiv.org/abs/2506.18896, has an encoder of its own, which was
not seen.
"""

import dataclasses
import functools
import random
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl import prompts
from jaxrl.build import Run
from jaxrl.errors import UserError
from jaxrl.models.cache import EMPTY
from jaxrl.models.decoder import Decoder
from jaxrl.prm import solutions
from jaxrl.prm.written import Written
from jaxrl.types import Tree

UNRELATED_STEPS = 16  # that a step is compared with


@dataclasses.dataclass(frozen=True)
class Encoder:
  """A model as an encoder of texts."""

  run: Run
  params: Tree
  batch_rows: int

  def __call__(self, texts: Sequence[str]) -> np.ndarray:
    """Rows [N, D] of norm 1; long texts are cut to what the run has room for."""
    run, sampling = self.run, self.run.config.sampling
    room = sampling.max_prompt_tokens + sampling.max_response_tokens
    ids = [
      run.tokenizer.encode(text)[:room] or [run.tokenizer.eos_id] for text in texts
    ]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    found = np.zeros((len(ids), run.policy.decoder.config.embed_dim))
    variables = run.policy.variables(self.params, run.frozen)
    for start in range(0, len(order), self.batch_rows):
      part = order[start : start + self.batch_rows]
      filled = part + [part[-1]] * (self.batch_rows - len(part))
      tokens, lengths = prompts.pad(
        [ids[i] for i in filled],
        bucket=sampling.prompt_bucket_tokens,
        max_tokens=room,
        pad_id=run.tokenizer.pad_id,
      )
      mean = _mean_state(run.policy.decoder)(variables, tokens, lengths)
      found[part] = np.asarray(mean)[: len(part)]
    norms = np.linalg.norm(found, axis=1, keepdims=True)
    return found / np.maximum(norms, 1e-12)


@functools.cache
def _mean_state(decoder: Decoder) -> Callable:
  @jax.jit
  def mean(variables: Tree, tokens: jax.Array, lengths: jax.Array) -> jax.Array:
    place = jnp.arange(tokens.shape[1])[None]
    inside = place < lengths[:, None]
    positions = jnp.where(inside, place, EMPTY)
    hidden, _ = decoder.apply(variables, tokens, positions)  # type: ignore[misc]
    kept = jnp.where(inside[:, :, None], hidden.astype(jnp.float32), 0.0)
    return jnp.sum(kept, axis=1) / lengths[:, None]

  return mean


@dataclasses.dataclass(frozen=True)
class Thoughts:
  """An encoder, and other solutions to contrast with."""

  encode: Callable[[Sequence[str]], np.ndarray]
  others: Sequence[solutions.Solution]

  def __call__(self, one: Written) -> tuple[np.ndarray, np.ndarray]:
    """Alignment [S] and neighbours [S, 1 + N] of `Evidence`; NaN of the last step."""
    steps, answer = one.texts[:-1], one.texts[-1]
    alignment = np.full(len(one.texts), np.nan)
    neighbours = np.full((len(one.texts), 1 + UNRELATED_STEPS), np.nan)
    if not steps:
      return alignment, neighbours
    lines = [line for line in answer.splitlines() if line.strip()] or [answer]
    unrelated = self._unrelated(one)
    encoded = self.encode([one.problem.question, *steps, *lines, *unrelated])
    # The question stands before the first step.
    ends = np.cumsum([1 + len(steps), len(lines)])
    path, lines_at, others = np.split(encoded, ends)
    alignment[:-1] = (path[1:] @ lines_at.T).max(axis=1)
    neighbours[:-1, 0] = (path[:-1] * path[1:]).sum(axis=1)
    neighbours[:-1, 1:] = path[:-1] @ others.T
    return alignment, neighbours

  def _unrelated(self, one: Written) -> list[str]:
    """Steps of solutions to other questions: the same ones for all of a problem."""
    pool = [
      step
      for other in self.others
      if other.question != one.problem.question
      for step in other.steps
    ]
    if not pool:
      raise UserError(
        "labelling.unrelated: its file has no solution to another question than "
        f"{one.problem.question[:60]!r}; take one of more questions"
      )
    draw = random.Random(one.problem.id)
    return draw.choices(pool, k=UNRELATED_STEPS)


def load(run: Run, params: Tree) -> Thoughts:
  """The run's own model as encoder, and the solutions of `labelling.unrelated`.

  Raises:
    UserError: no such file is named, or it cannot be read.
  """
  settings = run.config.labelling
  if settings.unrelated is None:
    raise UserError(
      f"labels {run.config.labels['name']} contrasts steps with those of other "
      "questions; set labelling.unrelated to a file that jaxrl label wrote"
    )
  encoder = Encoder(run, params, settings.batch_prefixes)
  return Thoughts(encoder, solutions.read(settings.unrelated))
