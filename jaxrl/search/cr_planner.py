"""CR-Planner: critics choose the next sub-goal, then its execution. Li et al., https://arxiv.org/abs/2410.01428.

  g = argmax over legal sub-goals of f_goal(s, g)
  e = argmax over K executions of f_g(s, g, e);  s <- s, e

until a final answer, 10 times at most (the limit is a choice). Sub-goals are to reason,
to write a query, to retrieve; retrieval needs a query, so that `goals` says what is
legal. The critics are one for sub-goals and one for each kind of execution: rationales,
queries, documents (K = 3). One account of the paper has a beam here, another this
greedy choice. Equal scores: the first. On the host; the plans of several problems take
each step together, so that a model is asked once for all of them.

Critics are trained on a tree whose leaves a verifier scores (`prm/trees/cr_planner`):
`sibling_pairs` of its mean values, each critic by itself with the objective
`bradley_terry`. All pairs of siblings that differ are taken, which the accounts leave
open.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

Plan = tuple[str, ...]  # what was executed; an execution says which sub-goal it is of
Ask = tuple[int, Plan, str]  # (number of the problem, its plan so far, a sub-goal)
Tried = tuple[int, Plan, str, str]  # and an execution of that


def cr_planner(
  problems: int,
  *,
  goals: Callable[[int, Plan], Sequence[str]],
  execute: Callable[[Sequence[Ask]], Sequence[Sequence[str]]],
  goal_critic: Callable[[Sequence[Ask]], Sequence[float]],
  critics: Callable[[Sequence[Tried]], Sequence[float]],
  depth: int = 10,
) -> list[Plan]:
  """The executions that were kept, of each problem.

  Args:
    problems: how many.
    goals: sub-goals that are legal now; none behind a final answer.
    execute: samples K executions of each sub-goal, at least one.
    goal_critic: f_goal.
    critics: f of each sub-goal's kind.
    depth: steps of a plan at most.
  """
  plans: list[Plan] = [()] * problems
  for _ in range(depth):
    asked = [(i, plan, goal) for i, plan in enumerate(plans) for goal in goals(i, plan)]
    if not asked:
      break
    chosen = _best(asked, goal_critic(asked))
    tried = [
      (*ask, execution)
      for ask, found in zip(chosen, execute(chosen), strict=True)
      for execution in found
    ]
    for i, plan, _, execution in _best(tried, critics(tried)):
      plans[i] = (*plan, execution)
  return plans


def sibling_pairs(values: Sequence[float]) -> list[tuple[int, int]]:
  """(chosen, rejected) numbers of siblings, of their mean values in a tree."""
  count = range(len(values))
  return [(a, b) for a in count for b in count if values[a] > values[b]]


def _best(asked: Sequence[Any], scores: Sequence[float]) -> list[Any]:
  """Of each problem, whose candidates are adjacent, the first of the highest score."""
  scored = zip(asked, scores, strict=True)
  of_each = itertools.groupby(scored, key=lambda pair: pair[0][0])
  return [max(pairs, key=lambda pair: pair[1])[0] for _, pairs in of_each]
