"""Solutions with labelled steps, from JSONL: what a process reward model is trained on.

The format is that of `jaxrl.prm.solutions`; `jaxrl label` writes it. A problem is a
question with all the solutions to it that the file has. Nothing is sampled: use it with
`explore` recorded.
"""

import dataclasses
from typing import Any, Literal

from jaxrl.errors import UserError
from jaxrl.prm import solutions
from jaxrl.problems import Problem, Task, Verdict, chat, split_by_question


def labelled_steps(
  *,
  path: str,
  test_path: str | None = None,
  test_fraction: float = 0.1,
  on_bad_line: Literal["error", "skip"] = "error",
  instruction: str = "",
  system: str = "",
) -> Task:
  """Questions with labelled solutions.

  Args:
    path: a JSONL file, or a folder of them.
    test_path: held-out ones; without it, `test_fraction` of the questions of `path`.
    test_fraction: used without a test_path only.
    on_bad_line: "skip" goes on without lines that are no solution, and logs how many.
    instruction: after the question, as it stood when the solutions were written.
    system: the system turn, if any.

  Raises:
    UserError: no file, a bad line, or not one label that says a step is right.
  """
  problems = read_problems(path, on_bad_line)
  if test_path is None:
    train, test = split_by_question(problems, test_fraction)
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
  ask = lambda problem: chat(f"{problem.question}\n\n{instruction}".strip(), system)
  return Task("labelled_steps", train, test, verify, ask)


def read_problems(path: str, on_bad_line: Literal["error", "skip"]) -> list[Problem]:
  """The questions of a file, in order, each with its solutions, which have numbers."""
  grouped: dict[str, list[dict[str, Any]]] = {}
  for number, one in enumerate(solutions.read(path, on_bad_line=on_bad_line)):
    record = {**dataclasses.asdict(one), "number": number}
    grouped.setdefault(one.question, []).append(record)
  return [
    Problem(
      id=all_of[0]["problem"],
      source=all_of[0]["source"],
      question=question,
      answer=all_of[0]["answer"],
      data={"solutions": all_of},
    )
    for question, all_of in grouped.items()
  ]


def verify(problem: Problem, response: str) -> Verdict:
  """ValueError: a file of solutions does not say how to score another one."""
  raise ValueError(
    "labelled_steps only holds solutions that were scored before; to sample new ones, "
    "take the task they were written for"
  )
