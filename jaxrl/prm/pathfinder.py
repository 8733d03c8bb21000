"""Two passes over a step: which kind of error, then whether it is right; and a search.

PathFinder-PRM, Pala et al., https://arxiv.org/abs/2505.19706, on the texts of
`error_types`, read by a model that was trained on them:

  reward = -1 where the first pass says - to the mathematics or the consistency,
           else what the second pass says, with + and + written in

Both passes take the likelier of + and -, + where they are equal. Where every candidate
of a search has -1 the paper's code has no choice; here they are compared by the second
pass with the labels that the first one predicted. Training is config
prm/pathfinder_prm, on the items of `tasks/error_typed_steps`.

Id: pathfinder_prm
"""

from collections.abc import Sequence

import numpy as np

from jaxrl.prm.error_types import first_pass, second_pass
from jaxrl.prm.grow import Ask, Grower, Node
from jaxrl.prm.held_out import step_scores
from jaxrl.prm.score_steps import StepScorer
from jaxrl.problems import Problem

REJECTED = -1.0


def reward(math: float, consistent: float, correct: float) -> float:
  """Of the three probabilities; -1, or within 0..1."""
  return correct if math >= 0.5 and consistent >= 0.5 else REJECTED


def step_rewards(
  scorer: StepScorer,
  prefixes: Sequence[tuple[Problem, Sequence[str]]],
  *,
  batch_rows: int,
) -> np.ndarray:
  """The reward [N] of the last step of each prefix; NaN where it is too long to read.

  Where all have -1, the second pass with the predicted labels written in.
  """
  asked = [first_pass(steps) for _, steps in prefixes]
  problems = [problem for problem, _ in prefixes]
  said = np.array(_read(scorer, problems, asked, 2, batch_rows)).reshape(-1, 2)
  kinds = said >= 0.5
  both = kinds.all(axis=1)
  found = np.where(np.isnan(said).any(axis=1), np.nan, REJECTED)
  again = np.flatnonzero(both if both.any() else ~np.isnan(found)).tolist()
  asked = [second_pass(prefixes[i][1], *map(bool, kinds[i])) for i in again]
  chosen = [problems[i] for i in again]
  read = _read(scorer, chosen, asked, 1, batch_rows)
  for i, (correct,) in zip(again, read, strict=True):
    math, consistent = said[i].tolist()
    found[i] = reward(math, consistent, correct) if both.any() else correct
  return found


def _read(
  scorer: StepScorer,
  problems: Sequence[Problem],
  texts: Sequence[Sequence[str]],
  last: int,
  batch_rows: int,
) -> list[list[float]]:
  """What the model says behind the last steps of each; NaN where they were cut off."""
  if not texts:
    return []
  marked = lambda steps: [None] * (len(steps) - last) + [0.0] * last
  found = [{"steps": t, "labels": marked(t), "outcome": None} for t in texts]
  scores = step_scores(scorer, problems, found, batch_rows=batch_rows)
  whole = lambda one: [float(x) for x in one] if len(one) == last else [np.nan] * last
  return [whole(one) for one, _ in scores]


def greedy(
  grower: Grower,
  scorer: StepScorer,
  *,
  candidates: int = 8,
  step_tokens: int,
  depth: int,
) -> list[Node]:
  """A response to each problem, every step the best rewarded of some candidates.

  That is the paper's search. Of equal ones the first is taken. What cannot be read, for
  its length, comes last.
  """
  scorer = scorer.asked_by(grower.run.task)
  nodes = [Node()] * len(grower.plots)
  while asked := [
    Ask(plot, len(node.texts), node)
    for plot, node in enumerate(nodes)
    if not node.terminal
  ]:
    drawn = grower.next_steps(asked, candidates, step_tokens=step_tokens, depth=depth)
    for ask, found in zip(asked, drawn, strict=True):
      problem = grower.plots[ask.plot].problem
      prefixes = [(problem, one.texts) for one in found]
      rewards = step_rewards(scorer, prefixes, batch_rows=candidates)
      nodes[ask.plot] = found[int(np.argmax(np.nan_to_num(rewards, nan=-2.0)))]
  return nodes
