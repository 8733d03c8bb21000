"""Searches that a strategy makes on the host: it asks models, and gives a text back.

Such a strategy is a function `strategy(host, *, ...) -> answers`, one for each problem;
its models of steps are its own business, as the config's `prm` is one alone.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxrl import pick
from jaxrl.build import Run
from jaxrl.config import Config, bind
from jaxrl.problems import Problem
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
  numbered: Sequence[tuple[int, Problem]]  # problems to answer, and their numbers


@dataclasses.dataclass(frozen=True)
class Answer:
  """What a strategy ends with."""

  text: str
  finished: bool
  tokens: int  # sampled for it


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
    )
    for problem, answer, outcome in zip(asked, answers, outcomes, strict=True)
  ]
