"""CR-Planner: critics choose the next sub-goal, then its execution. Li et al., https://arxiv.org/abs/2410.01428.

  g = argmax over legal sub-goals of f_goal(s, g)
  e = argmax over K executions of f_g(s, g, e);  s <- s, g, e

until a final answer, 10 times at most (the limit is a choice). Sub-goals are to reason,
to write a query, to retrieve; retrieval needs a query, so that `goals` says what is
legal. The critics are one for sub-goals and one for each kind of execution: rationales,
queries, documents (K = 3). One account of the paper has a beam here, another this
greedy choice. Equal scores: the first. On the host.

Critics are trained on a tree whose leaves a verifier scores: `sibling_pairs` of its
mean values, each critic by itself with the objective `bradley_terry`. All pairs of
siblings that differ are taken, which the accounts leave open.
"""

from collections.abc import Callable, Sequence
from typing import Any

Step = tuple[str, Any]  # a sub-goal and its execution
State = tuple[Step, ...]


def cr_planner(
  *,
  goals: Callable[[State], Sequence[str]],
  execute: Callable[[State, str], Sequence[Any]],
  goal_critic: Callable[[State, str], float],
  critics: Callable[[State, str, Any], float],
  depth: int = 10,
) -> State:
  """The sub-goals with the executions that were kept.

  Args:
    goals: those that are legal after these steps; none behind a final answer.
    execute: samples K executions of a sub-goal.
    goal_critic: f_goal.
    critics: f of the sub-goal's kind.
    depth: steps at most.
  """
  state: State = ()
  while len(state) < depth and (legal := goals(state)):
    scores = [goal_critic(state, goal) for goal in legal]
    goal = legal[scores.index(max(scores))]
    executions = execute(state, goal)
    scores = [critics(state, goal, execution) for execution in executions]
    state = (*state, (goal, executions[scores.index(max(scores))]))
  return state


def sibling_pairs(values: Sequence[float]) -> list[tuple[int, int]]:
  """(chosen, rejected) numbers of siblings, of their mean values in a tree."""
  count = range(len(values))
  return [(a, b) for a in count for b in count if values[a] > values[b]]
