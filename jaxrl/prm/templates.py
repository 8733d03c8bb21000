"""Answers by a solution's plan: how much its whole thought was worth. Host code.

ReasonFlux-PRM, https://arxiv.org/abs/2506.18896: a model writes down the plan of a
solution (its template), the policy answers the question with that plan in view, and the
share of right answers is the target of the trajectory. The wording is this library's.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence

import jax
import numpy as np

from jaxrl import draw, prompts
from jaxrl.build import Run
from jaxrl.prm import writing
from jaxrl.prm.written import Written, right
from jaxrl.problems import Problem
from jaxrl.sandbox import VerifierPool
from jaxrl.types import Tree

_ASK = (
  "Below is a problem and a solution to it.\n\nProblem:\n{question}\n\n"
  "Solution:\n{solution}\n\n"
  "Write down the plan that this solution follows, as a few numbered lines that would "
  "help somebody else with problems of this kind. Leave out all numbers, results and "
  "the answer."
)


def template_prompt(one: Written) -> str:
  """What the judging model is asked."""
  return _ASK.format(
    question=one.problem.question.strip(), solution="".join(one.texts).strip()
  )


def with_template(problem: Problem, template: str) -> Problem:
  """The problem with a plan behind its question; its verifier sees the same answer."""
  question = f"{problem.question}\n\nFollow this plan:\n{template.strip()}"
  return dataclasses.replace(problem, question=question)


@dataclasses.dataclass(frozen=True)
class Templates:
  """Who writes plans, and who follows them."""

  judging: Run
  weights: Tree
  run: Run
  params: Tree
  pool: VerifierPool
  counts: Counter
  keys: tuple[jax.Array, jax.Array]  # of plans, of answers

  def __call__(self, written: Sequence[Written]) -> list[np.ndarray]:
    """Of each solution [K] 1. where an answer by its plan is right, NaN unknown."""
    settings = self.run.config.labelling
    found = [np.full(settings.completions, np.nan) for _ in written]
    plans = self._plans(written)
    todo = [i for i, plan in enumerate(plans) if self._fits(written[i], plan)]
    self.counts["templates_missing"] += len(written) - len(todo)
    for start in range(0, len(todo), settings.batch_prefixes):
      part = todo[start : start + settings.batch_prefixes]
      filled = part + [part[-1]] * (settings.batch_prefixes - len(part))
      numbers = np.array([written[i].number for i in filled])
      drawn = draw.draw(
        self.run,
        self.pool,
        self.run.policy.variables(self.params, self.run.frozen),
        [with_template(written[i].problem, plans[i] or "") for i in filled],
        self.keys[1],
        rules=self.run.rules,
        group=settings.completions,
        first_row=numbers * settings.completions,
      )
      for place, i in enumerate(part):
        rows = slice(place * settings.completions, (place + 1) * settings.completions)
        found[i] = np.array([right(self.run, one) for one in drawn.outcomes[rows]])
    return found

  def _plans(self, written: Sequence[Written]) -> list[str | None]:
    """A plan for each solution; None where it is too long to be read."""
    sampling = self.judging.config.sampling
    prefixes = [writing.encode(self.judging, template_prompt(one)) for one in written]
    short = [
      i for i, ids in enumerate(prefixes) if len(ids) <= sampling.max_prompt_tokens
    ]
    texts = writing.write(
      self.judging,
      self.weights,
      [prefixes[i] for i in short],
      [[written[i].number] for i in short],
      self.keys[0],
      batch_rows=self.run.config.labelling.batch_prefixes,
      max_tokens=sampling.max_response_tokens,
    )
    plans: list[str | None] = [None] * len(written)
    for i, (text,) in zip(short, texts, strict=True):
      plans[i] = text if text.strip() else None
    return plans

  def _fits(self, one: Written, plan: str | None) -> bool:
    """Whether there is a plan, and room for it in the policy's prompt."""
    if plan is None:
      return False
    run = self.run
    asked = with_template(one.problem, plan)
    ids = prompts.encode(run.tokenizer, run.task, asked, chat=run.config.model.chat)
    return len(ids) <= run.config.sampling.max_prompt_tokens
