"""Labelled solutions as problems of judging: what a generative model of steps answers.

From JSONL as `jaxrl.prm.solutions` has it. A problem is a prompt of `prm.judgement`,
for a whole solution where the form judges every step, else one for each labelled step
up to the first wrong one. An answer scores 1 where its verdicts agree with the labels:

  score = [v_i = g_i for every labelled i up to and with the first wrong step]

so a right first error with anything behind it is right, as in ThinkPRM's filter of
processes (https://arxiv.org/abs/2504.16828). Texts that all steps rely on, such as
tables, are under `about.documents` of a line, and those of one step, such as the part
of a table that it retrieved, under `about.step_documents`, a list for each step.
"""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np

from jaxrl.errors import UserError
from jaxrl.prm import judgement, solutions
from jaxrl.prm.judgement import Ask
from jaxrl.prm.solutions import Solution
from jaxrl.problems import (
  Problem,
  Task,
  Verdict,
  chat,
  problem_id,
  split_by_question,
)


def judged_steps(
  *,
  path: str,
  test_path: str | None = None,
  test_fraction: float = 0.1,
  on_bad_line: Literal["error", "skip"] = "error",
  form: str = "steps",
  system: str = "",
) -> Task:
  """Solutions to judge.

  Args:
    path: a JSONL file of labelled solutions, or a folder of them.
    test_path: held-out ones; without it, `test_fraction` of the questions of `path`.
    test_fraction: used without a test_path only.
    on_bad_line: "skip" goes on without lines that are no solution, and logs how many.
    form: one of `judgement.FORMS`.
    system: the system turn, if any.
  """
  judgement.form_of(form)
  read = functools.partial(read_problems, on_bad_line=on_bad_line, form=form)
  train, test = split(read(path), read(test_path) if test_path else None, test_fraction)
  return Task("judged_steps", train, test, verify, functools.partial(ask_for, system))


def ask_for(system: str, problem: Problem) -> list[dict[str, str]]:
  """The prompt, as the chat has it."""
  return chat(problem.question, system)


def split(
  problems: list[Problem], held_out: list[Problem] | None, test_fraction: float
) -> tuple[list[Problem], list[Problem]]:
  """(train, test); no question is judged on both sides, whoever solved it."""
  key = lambda problem: problem.data["asked"]
  if held_out is None:
    return split_by_question(problems, test_fraction, key)
  tested = {key(problem) for problem in held_out}
  return [problem for problem in problems if key(problem) not in tested], held_out


def read_problems(
  path: str, *, on_bad_line: Literal["error", "skip"], form: str
) -> list[Problem]:
  """The prompts of a file's solutions.

  Raises:
    UserError: no file, a bad line, or no label.
  """
  every = (
    problem_of(one, ask, form)
    for one in solutions.read(path, on_bad_line=on_bad_line)
    for ask in asks_of(one, form)
  )
  found = {problem.question: problem for problem in every}
  if not found:
    raise UserError(
      f"{path}: no step has a label: there is nothing to judge by; check the labelling"
    )
  return list(found.values())


def known(one: Solution) -> list[float | None]:
  """1. right, 0. wrong, as `evaluation.first_error` has it; None: no label."""
  return [None if label is None else float(label >= 0.5) for label in one.labels]


def asks_of(one: Solution, form: str) -> Iterator[Ask]:
  """The asks of a solution for which labels say what is right."""
  labels = known(one)
  if all(label is None for label in labels):
    return
  ask = judgement.ask_of(one.question, one.steps, one.about)
  if judgement.form_of(form).each:
    yield ask
    return
  for step, label in enumerate(labels):
    if label is not None:
      yield dataclasses.replace(ask, upto=step)
    if label == 0:
      return


def problem_of(one: Solution, ask: Ask, form: str) -> Problem:
  """One ask as a problem; its answer is the labels of the steps asked about."""
  question = judgement.prompt(ask, form=form)
  labels = known(one)
  if ask.upto is not None:
    labels = [x if i == ask.upto else None for i, x in enumerate(labels)]
  data: dict[str, Any] = {
    "asked": one.question,
    "steps": list(one.steps),
    "upto": ask.upto,
    "form": form,
    "labels": labels,
  }
  return Problem(
    id=problem_id("judged_steps", question),
    source=one.source,
    question=question,
    answer=_said(labels),
    data=data,
  )


def _said(labels: Sequence[float | None]) -> str:
  words = {1.0: "right", 0.0: "wrong"}
  return " ".join(words.get(x, "?") if x is not None else "?" for x in labels)


def agrees(said: np.ndarray, labels: Sequence[float | None]) -> bool:
  """Whether verdicts are the labels, up to and with the first wrong step."""
  until = labels.index(0.0) + 1 if 0.0 in labels else len(labels)
  pairs = [(v, g) for v, g in zip(said, labels[:until], strict=False) if g is not None]
  return bool(pairs) and all(v == g for v, g in pairs)


def verdicts_of(problem: Problem, text: str) -> np.ndarray:
  """What a text says of the steps of a problem of this task."""
  data = problem.data
  ask = Ask(data["asked"], tuple(data["steps"]), data["upto"])
  return judgement.verdicts(text, ask, form=data["form"])


def verify(problem: Problem, response: str) -> Verdict:
  """1 where the verdicts agree with the labels."""
  said = verdicts_of(problem, response)
  read = [None if np.isnan(x) else float(x) for x in said]
  formatted = any(x is not None for x in read)
  score = float(agrees(said, problem.data["labels"]))
  return Verdict(score, formatted, _said(read) if formatted else None)
