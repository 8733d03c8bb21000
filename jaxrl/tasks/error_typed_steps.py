"""Solutions with three labels a step, in two passes each: PathFinder-PRM's items.

The file is that of `labelled_steps`; under `about` a solution has lists of 0 and 1, one
a step, named math, consistency and simplicity (null or -1: not judged). Each judged
step gives two items, see `jaxrl.prm.error_types`. Use it with `explore` recorded.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal

from jaxrl.errors import UserError
from jaxrl.prm.error_types import KINDS, items
from jaxrl.problems import Problem, Task, with_data
from jaxrl.tasks.labelled_steps import labelled_steps


def error_typed_steps(
  *,
  path: str,
  test_path: str | None = None,
  test_fraction: float = 0.1,
  on_bad_line: Literal["error", "skip"] = "error",
  instruction: str | None = None,
  system: str | None = None,
) -> Task:
  """Questions with both passes over every judged step of their solutions.

  Args:
    path: a JSONL file, or a folder of them.
    test_path: held-out ones; without it, `test_fraction` of the questions of `path`.
    test_fraction: used without a test_path only.
    on_bad_line: "skip" goes on without lines that are no solution, and logs how many.
    instruction: after the questions of solutions that do not say how they were asked.
    system: the system turn of those.

  Raises:
    UserError: labels of another length than the steps, no step with all three, or as
      `labelled_steps`.
  """
  task = labelled_steps(
    path=path,
    test_path=test_path,
    test_fraction=test_fraction,
    on_bad_line=on_bad_line,
    instruction=instruction,
    system=system,
  )
  train, test = _in_passes(task.train), _in_passes(task.test)
  if not train:
    raise UserError(
      f"{path}: no step has the labels {', '.join(KINDS)} under 'about', one for each "
      "step; have them judged first"
    )
  return dataclasses.replace(task, name="error_typed_steps", train=train, test=test)


def _in_passes(problems: Sequence[Problem]) -> list[Problem]:
  found = []
  for problem in problems:
    made = []
    for one in problem.data["solutions"]:
      for kind in KINDS:
        given = one["about"].get(kind)
        if given is not None and len(given) != len(one["steps"]):
          raise UserError(
            f"error_typed_steps: a solution of problem {problem.id} has "
            f"{len(given)} labels under {kind!r} for {len(one['steps'])} steps; mend it"
          )
      made += items(one)
    if made:
      found.append(with_data(problem, solutions=made))
  return found
