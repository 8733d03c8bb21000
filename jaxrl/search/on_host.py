"""Searches that a strategy makes on the host: it asks models, and gives a text back.

Such a strategy is a function `strategy(host, *, ...) -> answers`, one for each problem.
It takes the config's `prm` for its model of steps, or several that it names itself.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator

import numpy as np

from jaxrl import pick
from jaxrl.build import Run
from jaxrl.config import Config, bind
from jaxrl.errors import UserError
from jaxrl.prm import score_steps
from jaxrl.prm.grow import Grower, plots_of
from jaxrl.prm.score_steps import StepScorer
from jaxrl.prm.step_pairs import Numbered
from jaxrl.sandbox import VerifierPool
from jaxrl.search import on_model
from jaxrl.search.on_model import Found
from jaxrl.types import Tree


@dataclasses.dataclass(frozen=True)
class Host:
  """What a strategy may use."""

  run: Run
  pool: VerifierPool
  params: Tree
  numbered: Numbered  # problems to answer, and their numbers

  def batches(self) -> Iterator[Numbered]:
    """The problems, `searching.batch_problems` at a time."""
    size = self.run.config.searching.batch_problems
    for start in range(0, len(self.numbered), size):
      yield self.numbered[start : start + size]

  def grower(self, numbered: Numbered) -> Grower:
    """What writes steps, for some of the problems."""
    plots = plots_of(self.run, numbered)
    return Grower(self.run, self.pool, self.params, Counter(), plots)

  def scorer(self) -> StepScorer:
    """The model in the config's `prm`.

    Raises:
      UserError: it names none.
    """
    config = self.run.config
    if config.prm is None:
      raise UserError(
        f"search {config.search['name']}: the config names no model of steps; set prm "
        "to the run directory of one"
      )
    return score_steps.load(config.prm)


@dataclasses.dataclass(frozen=True)
class Answer:
  """What a strategy ends with."""

  text: str
  finished: bool
  tokens: int  # sampled for it
  spared: int | None = None  # of those, which need not have been; None: not asked


def is_hosted(config: Config) -> bool:
  """Whether the config's strategy is one of this kind."""
  return "host" in pick.needs(bind(config, "search"))


def search(run: Run, pool: VerifierPool, params: Tree) -> list[Found]:
  """One row for each of the run's problems; all are equally good."""
  strategy, asked = bind(run.config, "search"), on_model.problems(run)
  answers: list[Answer] = strategy(Host(run, pool, params, list(enumerate(asked))))
  texts = [answer.text for answer in answers]
  outcomes = pool.verify(list(zip(asked, texts, strict=True)))
  return [
    Found(
      problem=problem,
      texts=[answer.text],
      outcomes=[outcome],
      scores=np.ones(1),
      finished=np.array([answer.finished]),
      tokens=answer.tokens,
      spared=answer.spared,
    )
    for problem, answer, outcome in zip(asked, answers, outcomes, strict=True)
  ]
