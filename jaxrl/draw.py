"""Problems -> sampled and verified responses. Host code around the sampler."""

import dataclasses
from collections.abc import Sequence
from concurrent import futures
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl import prompts, sampler
from jaxrl.build import Run
from jaxrl.metrics import Kind, SampleRow
from jaxrl.models.tokenizer import Tokenizer
from jaxrl.problems import Problem
from jaxrl.rollout import Responses, SamplingRules
from jaxrl.sandbox import Outcome, VerifierPool
from jaxrl.types import Rollouts, Tree

# Streams of randomness that never meet, all made from the run's seed.
TRAINING, EVALUATION, REFERENCE, NOISE, LABELS, SEARCH = range(6)


def stream(seed: int, kind: int, step: int) -> jax.Array:
  """The key of one step: no state, so that a resumed run draws the same."""
  return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), kind), step)


def respond(
  run: Run,
  variables: Tree,
  problems: Sequence[Problem],
  key: jax.Array,
  *,
  rules: SamplingRules,
  group: int,
  first_row: int | np.ndarray = 0,
  ended: sampler.Ended | None = None,
) -> tuple[np.ndarray, np.ndarray, Responses]:
  """Prompts [N, P], their lengths [N], and `group` responses of a model to each.

  Rows are numbered from `first_row`, or those of problem n from first_row[n]; a row's
  number is its randomness. `ended` is told of responses while others are still sampled;
  see `sampler.generate`.
  """
  config, tokenizer = run.config, run.tokenizer
  tokens, lengths = prompts.pad(
    [
      prompts.encode(tokenizer, run.task, problem, chat=config.model.chat)
      for problem in problems
    ],
    bucket=config.sampling.prompt_bucket_tokens,
    max_tokens=config.sampling.max_prompt_tokens,
    pad_id=tokenizer.pad_id,
  )
  first = first_row + np.arange(0, len(problems) * group, group)
  if isinstance(first_row, np.ndarray):
    first = first_row
  rows = (first[:, None] + np.arange(group)).reshape(-1).astype(np.int32)
  responses = sampler.generate(
    run.policy.decoder,
    variables,
    jnp.asarray(tokens),
    jnp.asarray(lengths),
    jnp.asarray(rows),
    key,
    rules=rules,
    engine=run.engine,
    ended=ended,
  )
  return tokens, lengths, responses


def texts(tokenizer: Tokenizer, responses: Responses) -> list[str]:
  """Responses as text, without the stop token."""
  tokens, mask = np.asarray(responses.tokens), np.asarray(responses.mask) > 0
  return [
    tokenizer.decode(row[kept].tolist()) for row, kept in zip(tokens, mask, strict=True)
  ]


def sample_rows(
  step: int,
  kind: Kind,
  problems: Sequence[Problem],
  responses: Sequence[str],
  outcomes: Sequence[Outcome],
) -> list[SampleRow]:
  """Lines of samples.jsonl; one problem a response."""
  return [
    {
      "step": step,
      "kind": kind,
      "question": problem.question,
      "answer": problem.answer,
      "response": response,
      "score": outcome.score,
      "formatted": outcome.formatted,
      "status": outcome.status,
    }
    for problem, response, outcome in zip(problems, responses, outcomes, strict=True)
  ]


def verifiers(run: Run) -> VerifierPool:
  """The workers that score responses to this run's task."""
  settings = run.config.verify
  return VerifierPool(
    run.task.verify,
    rewards=run.credit.text_rewards,
    workers=settings.workers,
    timeout_seconds=settings.timeout_seconds,
    memory_mb=settings.memory_mb,
  )


@dataclasses.dataclass(frozen=True)
class Drawn:
  """Verified responses to some problems."""

  batch: Rollouts  # without credit
  problems: list[Problem]  # one a response
  texts: list[str]
  outcomes: list[Outcome]
  steps: int  # decoding steps that the sampler took

  def __len__(self) -> int:
    return len(self.texts)


def draw(
  run: Run,
  pool: VerifierPool,
  variables: Tree,
  problems: Sequence[Problem],
  key: jax.Array,
  *,
  rules: SamplingRules,
  group: int,
  first_row: int | np.ndarray = 0,
) -> Drawn:
  """Samples and verifies; what has ended is verified while the rest is sampled."""
  asked = [problem for problem in problems for _ in range(group)]
  answers: dict[int, str] = {}
  asking: list[tuple[list[int], futures.Future[list[Outcome]]]] = []
  with futures.ThreadPoolExecutor(1) as executor:

    def ended(rows: list[int], words: list[list[int]]) -> None:
      answers.update(zip(rows, map(run.tokenizer.decode, words), strict=True))
      pairs = [(asked[row], answers[row]) for row in rows]
      asking.append((rows, executor.submit(pool.verify, pairs)))

    tokens, lengths, responses = respond(
      run,
      variables,
      problems,
      key,
      rules=rules,
      group=group,
      first_row=first_row,
      ended=ended,
    )
    of_row = {
      row: outcome
      for rows, verdict in asking
      for row, outcome in zip(rows, verdict.result(), strict=True)
    }
  outcomes = [of_row[row] for row in range(len(asked))]
  batch = Rollouts(**_join(tokens, lengths, responses), **verdicts(run, outcomes))
  words = [answers[row] for row in range(len(asked))]
  return Drawn(batch, asked, words, outcomes, int(responses.steps))


def verdicts(run: Run, outcomes: Sequence[Outcome]) -> dict[str, Any]:
  """Fields of Rollouts that the verifier and the rewards that read text decide."""
  found = {
    "score": _floats([outcome.score or 0.0 for outcome in outcomes]),
    "scored": _floats([outcome.score is not None for outcome in outcomes]),
    "formatted": _floats([outcome.formatted for outcome in outcomes]),
  }
  if count := len(run.credit.text_rewards):
    rows = [outcome.rewards or (0.0,) * count for outcome in outcomes]
    found["text_rewards"] = _floats(rows)
  return found


def _floats(values: Sequence[Any]) -> jax.Array:
  return jnp.asarray(np.array(values, np.float32))


_join = jax.jit(prompts.join)
