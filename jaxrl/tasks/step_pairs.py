"""Pairs of candidates for a step, from JSONL: one is better than the other.
Yin et al., https://arxiv.org/abs/2507.17849.

The format is that of `jaxrl.prm.solutions`, with `about.pair`: the two lines of a pair
follow each other and have the same one. `jaxrl label` writes it where the config has
`labelling.criteria`; other lines of its file are passed over. Each pair is a problem of
its own, so `group_size` is 2, and nothing is sampled: use it with `explore` recorded.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Literal

from jaxrl.errors import UserError
from jaxrl.prm import solutions
from jaxrl.prm.solutions import Solution
from jaxrl.problems import Problem, Task, divide, problem_id
from jaxrl.tasks.labelled_steps import asking, problem_of, verify


def step_pairs(
  *,
  path: str,
  critic: str | None = None,
  test_fraction: float = 0.1,
  on_bad_line: Literal["error", "skip"] = "error",
  instruction: str | None = None,
  system: str | None = None,
) -> Task:
  """Pairs of solutions that differ in their last step.

  Args:
    path: a JSONL file, or a folder of them.
    critic: only pairs whose `about.critic` it is, for a critic of `prm/cr_planner`;
      None: all.
    test_fraction: of the questions.
    on_bad_line: "skip" goes on without lines that are no solution, and logs how many.
    instruction: after the questions of solutions that do not say how they were asked.
    system: the system turn of those.

  Raises:
    UserError: no file, a bad line, no pair in it, or as `labelled_steps`.
  """
  found = solutions.read(path, on_bad_line=on_bad_line)
  pairs = [one for one in found if "pair" in one.about]
  of_critic = [one for one in pairs if critic in (None, one.about.get("critic"))]
  problems = list(_pairs(of_critic, path))
  if not pairs:
    raise UserError(
      f"{path}: it holds no pair of steps; label with labelling.criteria set, or with "
      "the tree cr_planner"
    )
  if not problems:
    there = sorted({str(one.about.get("critic")) for one in pairs})
    raise UserError(
      f"{path}: it holds no pair of critic {critic!r}, but of {', '.join(there)}; "
      "name one of those, or label more problems"
    )
  train, test = divide(problems, test_fraction)
  ask = asking(problems, path, instruction=instruction, system=system)
  return Task("step_pairs", train, test, verify, ask)


def _pairs(found: Sequence[Solution], path: str) -> Iterator[Problem]:
  name = lambda one: (one.problem, str(one.about["pair"]))
  for (problem, pair), both in itertools.groupby(found, key=name):
    better = list(both)
    if [one.outcome for one in better] != [1.0, 0.0]:
      raise UserError(
        f"{path}: pair {pair} of problem {problem} is no better and no worse solution, "
        "one behind the other; label again"
      )
    asked = problem_of([dataclasses.asdict(one) for one in better])
    yield dataclasses.replace(asked, id=problem_id(problem, pair))
