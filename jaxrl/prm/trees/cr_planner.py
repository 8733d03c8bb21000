"""CR-Planner: pairs for critics from a tree of sub-goals and executions. Li et al.,
https://arxiv.org/abs/2410.01428.

  down by Q + c sqrt(log N / N_c);  a plan's children are its legal sub-goals, a
  sub-goal's are K executions of it;  each child gets a rollout, 1 if it ends right
  Q = mean of the rollouts at and below a node;  siblings with Q_w > Q_l are a pair

with the rules `search/alphallm` (choice and backup, which are those of plain UCT) and
`search/cr_planner` (pairs), on plans as `prm/plans` writes them. A pair is written for
the critic that chooses between its two (`about.critic`: goal, reason, query, retrieve),
in the format that the task `step_pairs` reads; the file has no other lines.

Where the accounts are silent: c, the number of iterations, and the rollout, which takes
legal sub-goals at random and one execution of each (of documents the best), to an
answer or to `searching.rounds` lines. What is then there is verified; a child whose
rollout no verifier could score is left out. A plan that is visited again after its end
counts again. Two executions of one text are no pair.
"""

from collections.abc import Sequence

import numpy as np

from jaxrl.prm import plan_nodes, plans
from jaxrl.prm.grove import Grove, bound, of_trees, plant
from jaxrl.prm.grow import Ask, Node, child_number, start
from jaxrl.prm.label import Labeller
from jaxrl.prm.written import Written
from jaxrl.problems import Problem
from jaxrl.search import alphallm as rule


def cr_planner(
  labeller: Labeller,
  numbered: Sequence[tuple[int, Problem]],
  *,
  documents: str = "documents.jsonl",
  iterations: int = 32,
  samples: int = 3,
  answer: str = "answer is",
  exploration: float = 1.414,
) -> list[list[Written]]:
  """One solution without steps for each problem, with all pairs of its tree."""
  grower = start(labeller, numbered)
  one = plans.planner(grower, documents=documents, samples=samples, answer=answer)
  width = max(samples, len(plans.CRITICS))
  zeros = [0.0] * len(grower.plots)
  grove = plant(
    one.grower, nodes=1 + iterations * width, width=width, root_values=zeros
  )
  select = bound(rule.alphallm, exploration=exploration)
  for _ in range(iterations):
    asked = grove.choose(select)
    if not asked:
      break
    found = plan_nodes.children(one, asked)
    begun = [
      Ask(ask.plot, child_number(ask, k, width), node)
      for ask, new in zip(asked, found, strict=True)
      for k, node in enumerate(new)
    ]
    said = iter(plan_nodes.rollouts(one, begun))
    pairs = [[(node, next(said)) for node in new] for new in found]
    pairs = [[pair for pair in row if not np.isnan(pair[1])] for row in pairs]
    values = of_trees(grove, asked, [[value for _, value in row] for row in pairs])
    grove.add(asked, [[node for node, _ in row] for row in pairs], values, rule.backup)
  return [[_written(grove, plot)] for plot in range(len(grower.plots))]


def _written(grove: Grove, plot: int) -> Written:
  written = grove.grower.written(plot, 0, Node(), {})
  written.pairs = plan_nodes.pairs(grove, plot, written.problem)
  for pair in written.pairs[::2]:
    grove.grower.counts[f"pairs_{pair.about['critic']}"] += 1
  return written
