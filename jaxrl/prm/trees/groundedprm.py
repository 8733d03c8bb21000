"""GroundedPRM: rollouts of checked steps from a UCT tree. Zhang et al.,
https://arxiv.org/abs/2510.14942.

  each round: down by UCT to a node; 3 sampled steps become its children; the one that
  is judged best is rolled out for at most 5 steps, its steps checked;
  u of checks and answer is added to it and, by 0.9^distance, above it

with the rules of `search/groundedprm`. v_j = +-1 is the word of the task's exact
checker (`Task.check_steps`) in place of a language model that reads a solver's result;
a step that it cannot check counts as not checked. F = -1 also for a rollout that has no
answer after 5 steps. While right paths are collected the choice looks for high values,
then for low ones, until there are `paths` of each.

`values` are the summed u of tree nodes at the end, v_j of rolled-out steps, F of the
last one. Where the paper is silent: the first of equally judged children is rolled
out, and a rollout that no verifier could score adds nothing and is not written.
"""

from collections.abc import Sequence

import numpy as np

from jaxrl.prm.checked_rollouts import checked_values, return_of, rollouts
from jaxrl.prm.grove import Grove, bound, of_trees, plant
from jaxrl.prm.grow import Ask, Grower, Node, child_number, start
from jaxrl.prm.label import Labeller
from jaxrl.prm.written import Written
from jaxrl.problems import Problem
from jaxrl.search import groundedprm as rule

# (number of the node that was rolled out, the whole path, values of the rolled steps)
Rolled = tuple[int, Node, list[float]]


def groundedprm(
  labeller: Labeller,
  numbered: Sequence[tuple[int, Problem]],
  *,
  rounds: int = 10,
  children: int = 3,
  paths: int = 3,
  step_tokens: int = 64,
  exploration: float = 1.414,
) -> list[list[Written]]:
  """Up to `paths` right and as many wrong paths of each problem's tree."""
  grower = start(labeller, numbered)
  plots = range(len(grower.plots))
  rolled: list[list[Rolled]] = [[] for _ in plots]
  zeros = [0.0] * len(plots)
  grove = plant(grower, nodes=1 + rounds * children, width=children, root_values=zeros)
  for _ in range(rounds):
    asked = []
    for sign in (1.0, -1.0):
      choice = bound(rule.groundedprm, exploration=exploration, sign=sign)
      asked += [a for a in grove.choose(choice) if _sign(rolled[a.plot], paths) == sign]
    if not asked:
      break
    found = grower.next_steps(
      asked, children, step_tokens=step_tokens, depth=rounds + 1
    )
    _round(grower, grove, asked, found, rolled)
  return [_written(grove, plot, rolled[plot], paths) for plot in plots]


def _sign(rolled: Sequence[Rolled], paths: int) -> float:
  """+1 while right paths are wanted, then -1 while wrong ones are, then 0."""
  right = sum(node.outcome == 1 for _, node, _ in rolled)
  wrong = len(rolled) - right
  return 1.0 if right < paths else -1.0 if wrong < paths else 0.0


def _round(
  grower: Grower,
  grove: Grove,
  asked: Sequence[Ask],
  found: Sequence[Sequence[Node]],
  rolled: list[list[Rolled]],
) -> None:
  """Judges the new children, rolls one of each node out, and backs that up."""
  pairs = list(zip(asked, found, strict=True))
  judged = [[grower.checks(a.plot, n.texts)[-1:] for n in new] for a, new in pairs]
  words = [[float(np.nan_to_num(w[0])) if w else 0.0 for w in row] for row in judged]
  best = [int(np.argmax(row)) for row in words]
  begun = [
    Ask(ask.plot, child_number(ask, k, grove.width), new[k])
    for (ask, new), k in zip(pairs, best, strict=True)
  ]
  u, simulated = (
    [[0.0] * len(row) for row in words],
    [[0.0] * len(row) for row in words],
  )
  made: list[tuple[int, Node, list[float]] | None] = []
  for i, (ask, whole) in enumerate(zip(begun, rollouts(grower, begun), strict=True)):
    values = checked_values(grower, ask, whole)
    made.append(None if values is None else (best[i], whole, values))
    if values is not None:
      u[i][best[i]], simulated[i][best[i]] = return_of(values, whole), 1.0
  said = rule.Rollouts(
    judged=of_trees(grove, asked, words),
    simulated=of_trees(grove, asked, simulated) > 0,
    u=of_trees(grove, asked, u),
  )
  numbers = grove.add(asked, found, said, rule.backup)
  for ask, new, one in zip(asked, numbers, made, strict=True):
    if one is not None:
      rolled[ask.plot].append((new[one[0]].number, *one[1:]))


def _written(
  grove: Grove, plot: int, rolled: Sequence[Rolled], paths: int
) -> list[Written]:
  value = np.asarray(grove.table.value_sum)
  left, found = {1.0: paths, 0.0: paths}, []
  for i, (number, whole, values) in enumerate(rolled):
    if left[whole.outcome] > 0 and whole.texts:
      left[whole.outcome] -= 1
      of_path = np.concatenate([grove.along(plot, number, value), values])
      found.append(grove.grower.written(plot, i, whole, {"values": of_path}))
  return found
