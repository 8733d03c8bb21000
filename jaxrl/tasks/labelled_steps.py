"""Solutions with labelled steps, from JSONL: what a process reward model is trained on.

The format is that of `jaxrl.prm.solutions`; `jaxrl label` writes it. A problem is a
question with all the solutions to it that the file has, and it is asked in the very
turns for which they were sampled; those for other turns are another problem. Nothing is
sampled: use it with `explore` recorded.
"""

import dataclasses
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from jaxrl.errors import UserError
from jaxrl.prm import solutions
from jaxrl.problems import Problem, Task, Verdict, chat, divide, to_json

_log = logging.getLogger(__name__)


def labelled_steps(
  *,
  path: str,
  test_path: str | None = None,
  test_fraction: float = 0.1,
  on_bad_line: Literal["error", "skip"] = "error",
  instruction: str | None = None,
  system: str | None = None,
) -> Task:
  """Questions with labelled solutions.

  Args:
    path: a JSONL file, or a folder of them.
    test_path: held-out ones; without it, `test_fraction` of the questions of `path`.
    test_fraction: used without a test_path only.
    on_bad_line: "skip" goes on without lines that are no solution, and logs how many.
    instruction: after the questions of solutions that do not say how they were asked,
      as a benchmark's do not.
    system: the system turn of those.

  Raises:
    UserError: no file, a bad line, not one label that says a step is right, or an
      instruction or system turn where all solutions say how they were asked.
  """
  problems = read_problems(path, on_bad_line)
  if test_path is None:
    train, test = divide(problems, test_fraction)
  else:
    test = read_problems(test_path, on_bad_line)
    held_out = {problem.question for problem in test}
    train = [problem for problem in problems if problem.question not in held_out]
  labels = [
    label
    for problem in train
    for one in problem.data["solutions"]
    for label in one["labels"]
    if label is not None
  ]
  outcomes = [one["outcome"] for p in train for one in p.data["solutions"]]
  if not any(label > 0 for label in labels) and not any(outcomes):
    raise UserError(
      f"{path}: of {len(labels)} labels none says that a step is right, and no outcome "
      "that a solution is: there is nothing to learn; check the labelling"
    )
  ask = asking([*train, *test], path, instruction=instruction, system=system)
  return Task("labelled_steps", train, test, verify, ask)


def read_problems(path: str, on_bad_line: Literal["error", "skip"]) -> list[Problem]:
  """The questions of a file, in order, each with its solutions, which have numbers."""
  grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
  for number, one in enumerate(solutions.read(path, on_bad_line=on_bad_line)):
    record = {**dataclasses.asdict(one), "number": number}
    asked = one.question, to_json(one.messages)
    grouped.setdefault(asked, []).append(record)
  return [problem_of(all_of) for all_of in grouped.values()]


def problem_of(found: Sequence[Mapping[str, Any]]) -> Problem:
  """What some solutions to one question, asked in one way, are solutions to."""
  first = found[0]
  return Problem(
    id=first["problem"],
    source=first["source"],
    question=first["question"],
    answer=first["answer"],
    data={"solutions": found, "messages": first["messages"]},
  )


def asking(
  problems: Sequence[Problem], path: str, *, instruction: str | None, system: str | None
) -> Callable[[Problem], list[dict[str, str]]]:
  """How the problems are asked: as their solutions say, else with these.

  Raises:
    UserError: all of them say it, and one of these is given.
  """
  unsaid = sum(not problem.data["messages"] for problem in problems)
  for name, given in (("instruction", instruction), ("system", system)):
    if given is not None and not unsaid:
      raise UserError(
        f"{path}: all solutions say how they were asked, and are read so; leave "
        f"{name} out"
      )
  if unsaid and instruction is None and system is None:
    _log.warning(
      "%s: %d questions do not say how they were asked, and are asked as they stand; "
      "instruction and system would be added",
      path,
      unsaid,
    )
  return functools.partial(messages, instruction=instruction or "", system=system or "")


def messages(
  problem: Problem, *, instruction: str, system: str
) -> list[dict[str, str]]:
  """The turns for which the solutions were sampled, where they say so."""
  if asked := problem.data["messages"]:
    return [dict(turn) for turn in asked]
  return chat(f"{problem.question}\n\n{instruction}".strip(), system)


def verify(problem: Problem, response: str) -> Verdict:
  """ValueError: a file of solutions does not say how to score another one."""
  raise ValueError(
    "labelled_steps only holds solutions that were scored before; to sample new ones, "
    "take the task they were written for"
  )
