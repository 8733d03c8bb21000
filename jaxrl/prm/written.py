"""Sampled solutions, what is found out about them, and the lines that come of it."""

import dataclasses
import json
import logging
import pathlib
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxrl import pick
from jaxrl.build import Run
from jaxrl.config import bind
from jaxrl.drawing import SamplingRules
from jaxrl.errors import UserError
from jaxrl.prm import solutions
from jaxrl.prm.evidence import Evidence
from jaxrl.prm.response import Response
from jaxrl.problems import Problem, Task
from jaxrl.sandbox import Outcome

_START = re.compile(rb'\{"problem": ("(?:[^"\\]|\\.)*")')  # of a line
_log = logging.getLogger(__name__)


@dataclasses.dataclass
class Written:
  """A sampled solution, and what is found out about it."""

  problem: Problem
  number: int  # of all solutions of the run
  prompt: list[int]  # token ids
  tokens: list[int]  # without the stop token
  ends: list[int]  # of each step the place behind its last token
  texts: list[str]  # of each step
  evidence: Evidence
  answer: str | None  # what the verifier read as its answer
  asked: set[int] = dataclasses.field(default_factory=set)  # prefixes
  # Of a prefix what the policy wrote behind it.
  completions: dict[int, list[str]] = dataclasses.field(default_factory=dict)
  given_up: bool = False  # a prefix of it has no completion that could be scored
  # Further lines, which a rule of `prm/trees` has made with it.
  pairs: list[solutions.Solution] = dataclasses.field(default_factory=list)


def completing(run: Run) -> SamplingRules:
  """How completions of prefixes are drawn."""
  temperature = run.config.labelling.completion_temperature
  if temperature is None:
    return run.rules
  return dataclasses.replace(run.rules, temperature=temperature)


def cut(response: Response, numbers: np.ndarray) -> tuple[list[str], list[int]]:
  """Texts of the steps, and of each the place behind its last token.

  A step without text (half a character, say) belongs to the one before it.
  """
  numbers = np.asarray(numbers)
  places = [*(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
  texts: list[str] = []
  ends: list[int] = []
  start = 0
  for end in places if len(numbers) else ():
    text = "".join(response.pieces[start:end])
    if text or not texts:
      texts.append(text)
      ends.append(end)
    else:
      ends[-1] = end
    start = end
  if len(texts) > 1 and not texts[0]:
    texts, ends = texts[1:], ends[1:]
  return (texts, ends) if texts and texts[0] else ([], [])


def right(run: Run, outcome: Outcome) -> float:
  """1. where a verifier's score is that of a right answer, NaN where it failed."""
  if outcome.score is None:
    return float("nan")
  return float(outcome.score >= run.config.labelling.right_score)


def solution_of(
  run: Run, one: Written, documents: Sequence[str] = ()
) -> solutions.Solution:
  """What is written of a solution: labels, and the evidence for other rules.

  Documents stand before its question, see `of_problem`.
  """
  config = run.config
  labels = np.full(len(one.texts), np.nan)
  if not one.given_up:
    labels = np.asarray(pick.call(bind(config, "labels"), one.evidence), float)
  if labels.shape != (len(one.texts),):
    raise UserError(
      f"labels {config.labels['name']}: {labels.shape[0]} labels for "
      f"{len(one.texts)} steps of a solution to {one.problem.id}; mend the rule"
    )
  known = lambda x: None if np.isnan(x) else float(x)
  assert one.evidence.right is not None
  return solutions.Solution(
    **of_problem(run.task, one.problem, documents),
    steps=tuple(one.texts),
    labels=tuple(known(x) for x in labels),
    outcome=known(one.evidence.outcome),
    about={
      "model": config.model.path,
      "answer": one.answer,
      "rule": dict(config.labels),
      "tree": dict(config.tree),
      "query": dict(config.query),
      "right": [[known(x) for x in row] for row in one.evidence.right],
      **{
        name: [[known(x) for x in row] for row in value]
        for name in ("verdicts", "grounded", "heads")
        if (value := getattr(one.evidence, name)) is not None
      },
      **{
        name: [known(x) for x in value]
        for name in ("checked", "values")
        if (value := getattr(one.evidence, name)) is not None
      },
    },
  )


def of_problem(
  task: Task, problem: Problem, documents: Sequence[str] = ()
) -> dict[str, Any]:
  """The fields of a line that say what was asked, and how.

  Documents stand before the question, which was asked without them: whoever reads the
  file reads them too.
  """
  before = lambda text: "\n\n".join((*documents, text))
  *turns, last = task.messages(problem)
  return {
    "problem": problem.id,
    "source": problem.source,
    "question": before(problem.question),
    "answer": problem.answer,
    "messages": (*turns, {**last, "content": before(last["content"])}),
  }


def finished(path: pathlib.Path) -> set[str]:
  """Ids of the problems that a file has; cuts off what was not written whole.

  That is a line that breaks off, and with it all of its problem.
  """
  if not path.exists():
    return set()
  *lines, rest = path.read_bytes().split(b"\n")
  found = [solutions.from_line(line).problem for line in lines]
  if not rest:
    return set(found)
  _log.warning("%s: cut off a problem that was not written whole", path)
  whole = len(found)
  named = _START.match(rest)
  # A line that does not even say whose it is may be the last problem's.
  if found and (named is None or json.loads(named.group(1)) == found[-1]):
    whole = found.index(found[-1])
  with open(path, "r+b") as file:
    file.truncate(sum(len(line) + 1 for line in lines[:whole]))
  return set(found[:whole])


def balanced(
  lines: Sequence[solutions.Solution], most: int
) -> list[solutions.Solution]:
  """A question's solutions, where later right ones lose their labels. Med-PRM.

  As many right ones keep them as wrong ones have some, or `most` where those are fewer.
  """
  labelled = [any(x is not None for x in one.labels) for one in lines]
  is_right = [one.outcome == 1 for one in lines]
  wrong = sum(on and not ok for on, ok in zip(labelled, is_right, strict=True))
  room, kept = max(wrong, most), []
  for one, on, ok in zip(lines, labelled, is_right, strict=True):
    if on and ok:
      room -= 1
      if room < 0:
        one = dataclasses.replace(one, labels=(None,) * len(one.labels))
    kept.append(one)
  return kept


def count(counts: Counter, lines: Sequence[solutions.Solution]) -> None:
  """Adds what is in the lines."""
  labels = [x for one in lines for x in one.labels]
  known = [x for x in labels if x is not None]
  counts["solutions"] += len(lines)
  counts["right_solutions"] += sum(one.outcome == 1 for one in lines)
  counts["dropped_solutions"] += sum(
    all(x is None for x in one.labels) for one in lines
  )
  counts["steps"] += len(labels)
  counts["labelled_steps"] += len(known)
  counts["good_steps"] += sum(x >= 0.5 for x in known)
