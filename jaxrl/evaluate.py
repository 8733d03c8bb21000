"""Held-out accuracy: greedy, and by samples (mean@k, pass@k, majority@k)."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from jaxrl.accuracy import Sample, summarize
from jaxrl.build import Run
from jaxrl.draw import EVALUATION, respond, sample_rows, stream, texts
from jaxrl.errors import UserError
from jaxrl.metrics import SampleRow
from jaxrl.problems import Problem
from jaxrl.prompts import encode
from jaxrl.rollout import SamplingRules
from jaxrl.sandbox import Outcome, VerifierPool
from jaxrl.types import Tree


class Stopped(Exception):
  """Raised where a stop was asked for before the evaluation was over."""


@dataclasses.dataclass(frozen=True)
class Answers:
  """Responses to some problems, `group` a problem, adjacent."""

  texts: list[str]
  outcomes: list[Outcome]
  tokens: list[int]  # of each response


def evaluate(
  run: Run,
  pool: VerifierPool,
  params: Tree,
  step: int,
  *,
  stop: Callable[[], bool] = lambda: False,
) -> tuple[dict[str, float], list[SampleRow]]:
  """Metrics (see `accuracy.summarize`) and the greedy responses as samples.jsonl rows.

  Raises:
    Stopped: `stop()` turned true between two batches.
  """
  settings = run.config.evaluation
  # By prompt length, so that a batch pads little and few shapes are compiled.
  problems = sorted(
    (run.task.test[i] for i in range(min(settings.problems, len(run.task.test)))),
    key=lambda p: len(encode(run.tokenizer, run.task, p, chat=run.config.model.chat)),
  )
  if not problems:
    raise UserError(f"the task {run.task.name} has no test problems to evaluate on")
  greedy = dataclasses.replace(run.rules, greedy=True)
  once = _answer(run, pool, params, problems, step, rules=greedy, group=1, stop=stop)
  sampled: list[list[Sample]] = []
  if k := settings.samples:
    many = _answer(
      run, pool, params, problems, step, rules=run.rules, group=k, stop=stop
    )
    samples = _samples(many)
    sampled = [samples[i : i + k] for i in range(0, len(samples), k)]
  metrics = summarize(_samples(once), sampled)
  metrics["length"] = float(np.mean(once.tokens))
  return metrics, sample_rows(step, "eval", problems, once.texts, once.outcomes)


def _samples(answers: Answers) -> list[Sample]:
  return [
    Sample(score=outcome.score, formatted=outcome.formatted, answer=outcome.answer)
    for outcome in answers.outcomes
  ]


def _answer(
  run: Run,
  pool: VerifierPool,
  params: Tree,
  problems: Sequence[Problem],
  step: int,
  *,
  rules: SamplingRules,
  group: int,
  stop: Callable[[], bool],
) -> Answers:
  """Responses in batches of one shape; the last batch is filled up and cut again."""
  size = max(1, run.config.evaluation.batch_rows // group)
  size = min(size, len(problems))
  key = stream(run.config.seed, EVALUATION, step)
  variables = run.policy.variables(params, run.frozen)
  answers = Answers([], [], [])
  for start in range(0, len(problems), size):
    if stop():
      raise Stopped
    part = list(problems[start : start + size])
    full = part + [part[-1]] * (size - len(part))
    _, _, responses = respond(
      run, variables, full, key, rules=rules, group=group, first_row=start * group
    )
    kept = len(part) * group
    words = texts(run.tokenizer, responses)[:kept]
    asked = [problem for problem in part for _ in range(group)]
    answers.texts.extend(words)
    answers.outcomes.extend(pool.verify(list(zip(asked, words, strict=True))))
    answers.tokens.extend(
      np.asarray(responses.mask).sum(-1).astype(int)[:kept].tolist()
    )
  return answers
