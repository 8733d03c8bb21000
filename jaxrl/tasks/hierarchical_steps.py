"""Solutions whose steps are judged alone and in merged pairs: HRM's items.

The file is that of `labelled_steps`; the rules are those of `jaxrl.prm.hierarchy`. With
`labels` "tree" the solutions to a question are a tree of what they share, a step's
label is the share of right leaves below it, and the compressed tree's items come on
top; with "file" labels are as the file has them, and there is no tree. Items are those
of the training questions; held-out solutions stay whole, under labels of the same
kind. Use it with `explore` recorded.
"""

import dataclasses
import random
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from jaxrl.prm import hierarchy
from jaxrl.problems import Problem, Task, with_data
from jaxrl.tasks.labelled_steps import labelled_steps


def hierarchical_steps(
  *,
  path: str,
  test_path: str | None = None,
  on_bad_line: Literal["error", "skip"] = "error",
  instruction: str | None = None,
  system: str | None = None,
  labels: Literal["tree", "file"] = "tree",
  coarse: bool = True,
  move_chance: float = 0.5,
  least_share: float = 0.1,
) -> Task:
  """Questions with items of one labelled text each.

  Args:
    path: a JSONL file, or a folder of them.
    test_path: held-out ones; without it, a tenth of the questions of `path`.
    on_bad_line: "skip" goes on without lines that are no solution, and logs how many.
    instruction: after the questions of solutions that do not say how they were asked.
    system: the system turn of those.
    labels: where they come from.
    coarse: whether pairs of steps are items too.
    move_chance: of a child of a full node in the compressed tree; 0: no such tree.
    least_share: of the items of a number of steps and a label that are kept at least,
      where the rarest label has fewer; 1 keeps all.

  Raises:
    UserError: as `labelled_steps`.
  """
  task = labelled_steps(
    path=path,
    test_path=test_path,
    on_bad_line=on_bad_line,
    instruction=instruction,
    system=system,
  )
  fine: list[tuple[Problem, list[hierarchy.Item]]] = []
  for problem in task.train:
    solutions = problem.data["solutions"]
    if labels == "file":
      found = [x for one in solutions for x in hierarchy.labelled_items(one)]
    else:
      found = _of_trees(problem, solutions, move_chance)
    fine.append((problem, found + hierarchy.coarse_items(found) * coarse))
  train, test = _balanced(fine, least_share), task.test
  if labels == "tree":
    test = [
      with_data(one, solutions=hierarchy.with_shares(one.data["solutions"]))
      for one in task.test
    ]
  return dataclasses.replace(task, name="hierarchical_steps", train=train, test=test)


def _of_trees(
  problem: Problem, solutions: Sequence[Mapping[str, Any]], chance: float
) -> list[hierarchy.Item]:
  """Items of the tree, and those that only the compressed one has."""
  root = hierarchy.tree(solutions)
  found = hierarchy.fine_items(root)
  rng = random.Random(problem.id)  # the same tree in every run
  moved = hierarchy.compressed(root, rng, chance=chance)
  there = set(found)
  return found + [one for one in hierarchy.fine_items(moved) if one not in there]


def _balanced(
  found: Sequence[tuple[Problem, list[hierarchy.Item]]], least_share: float
) -> list[Problem]:
  """The problems with those of their items that are kept, over all of the problems."""
  owners = [i for i, (_, items) in enumerate(found) for _ in items]
  every = [one for _, items in found for one in items]
  kept: dict[int, list[dict[str, Any]]] = {}
  places = hierarchy.balanced(every, random.Random(0), least_share=least_share)
  for number, place in enumerate(places):
    made = hierarchy.as_solution(every[place], number)
    kept.setdefault(owners[place], []).append(made)
  return [with_data(found[owner][0], solutions=made) for owner, made in kept.items()]
