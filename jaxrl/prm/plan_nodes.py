"""Nodes of CR-Planner's tree: what a plan goes on with, rollouts, and pairs. Host code.

A node's texts are a plan's lines; where the last is the beginning of a line alone, the
node is a sub-goal that is not executed yet.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxrl.prm.grove import Grove
from jaxrl.prm.grow import Ask, Node
from jaxrl.prm.plans import CRITICS, GOAL, PLANS, Planner, critic_of
from jaxrl.prm.solutions import Solution
from jaxrl.prm.written import of_problem
from jaxrl.problems import Problem
from jaxrl.search.cr_planner import Plan, sibling_pairs

ROLLOUTS = PLANS + 1  # stream of the first line of rollouts, and on


def is_goal(plan: Plan) -> bool:
  """Whether it ends with a sub-goal that is not executed."""
  return bool(plan) and plan[-1] in CRITICS


def children(one: Planner, asked: Sequence[Ask]) -> list[list[Node]]:
  """Legal sub-goals of plans, executions of sub-goals; none of a plan at its end."""
  goals = [ask for ask in asked if is_goal(ask.node.texts)]
  executed = iter(
    one.execute(
      [(ask.plot, ask.node.texts[:-1], ask.node.texts[-1]) for ask in goals],
      [ask.number for ask in goals],
      count=one.samples,
    )
  )
  found = []
  for ask in asked:
    plan = ask.node.texts
    if is_goal(plan):
      lines = [(*plan[:-1], line) for line in next(executed)]
      found.append([Node(texts=p, terminal=not one.goals(p)) for p in lines])
    else:
      found.append([Node(texts=(*plan, goal)) for goal in one.goals(plan)])
  return found


def rollouts(one: Planner, begun: Sequence[Ask]) -> list[float]:
  """The outcome of a plan that goes on from each node by chance."""
  return one.outcomes([ask.plot for ask in begun], rolled_out(one, begun))


def rolled_out(one: Planner, begun: Sequence[Ask]) -> list[Plan]:
  """The plans of such rollouts."""
  done = [ask.node.texts for ask in begun]
  seed = one.grower.run.config.seed
  for step in range(1 + one.grower.run.config.searching.rounds):
    asked, places = [], []
    for i, (ask, plan) in enumerate(zip(begun, done, strict=True)):
      goals = [plan[-1]] if is_goal(plan) else one.goals(plan)
      if goals:
        number = one.grower.plots[ask.plot].number
        chance = np.random.default_rng([seed, number, ask.number, step])
        goal = goals[int(chance.integers(len(goals)))]
        asked.append((ask.plot, plan[:-1] if is_goal(plan) else plan, goal))
        places.append(i)
    numbers = [begun[i].number for i in places]
    found = one.execute(asked, numbers, count=1, stream=ROLLOUTS + step)
    for i, (_, plan, _), (line,) in zip(places, asked, found, strict=True):
      done[i] = (*plan, line)
  return done


def pairs(grove: Grove, plot: int, problem: Problem) -> list[Solution]:
  """The better one of each pair, and the worse one behind it."""
  nodes = grove.nodes[plot]
  parent, visits, total = (
    np.asarray(getattr(grove.table, name)[plot][: len(nodes)], float)
    for name in ("parent", "visits", "value_sum")
  )
  q = total / np.maximum(visits, 1)
  asked, found = of_problem(grove.grower.run.task, problem), []
  for number in range(len(nodes)):
    children = np.flatnonzero(parent == number).tolist()
    for pair in sibling_pairs([q[child] for child in children]):
      better, worse = (children[i] for i in pair)
      if nodes[better].texts == nodes[worse].texts:
        continue
      name = f"{better}.{worse}"
      found += [
        _solution(asked, nodes[child].texts, label, name, q[child])
        for child, label in ((better, 1.0), (worse, 0.0))
      ]
  return found


def _solution(
  asked: dict[str, Any], plan: Plan, label: float, pair: str, value: float
) -> Solution:
  critic = GOAL if is_goal(plan) else critic_of(plan[-1])
  return Solution(
    **asked,
    steps=plan,
    labels=(*[None] * (len(plan) - 1), label),
    outcome=label,
    about={"pair": pair, "critic": critic, "value": float(value)},
  )
