"""Pairs of candidate steps: one dominates the other by criteria of a tree. Host code.

DG-PRM, https://arxiv.org/abs/2507.17849: candidates for the step behind a prefix are
the first steps of its completions; a judge says of each how likely it is good by each
of the criteria chosen for all of them; `pareto.pairs` are written. Both solutions of a
pair have the prefix's steps and the candidate, with label and outcome 1 or 0, and
`about.pair` names the pair, for the task `step_pairs`.
"""

import dataclasses
import itertools
import pathlib
from collections import Counter
from collections.abc import Callable, Sequence

import jax
import numpy as np

from jaxrl import pick
from jaxrl.build import Run
from jaxrl.config import bind
from jaxrl.errors import UserError
from jaxrl.prm import criteria, pareto, solutions, writing, yes_no
from jaxrl.prm.criteria import Criterion
from jaxrl.prm.response import Response, pieces
from jaxrl.prm.written import Written, cut, of_problem
from jaxrl.problems import Problem
from jaxrl.types import Tree

COMPARED_PROBLEMS = 32  # at most, to make a tree

Numbered = Sequence[tuple[int, Problem]]


@dataclasses.dataclass
class StepPairs:
  """A judge, and the tree that it scores by."""

  run: Run  # whose rule cuts completions
  judging: Run
  weights: Tree
  encode: criteria.Encode
  path: pathlib.Path  # of the tree
  key: jax.Array
  counts: Counter
  tree: list[Criterion] = dataclasses.field(default_factory=list)

  def prepare(
    self, write: Callable[[Numbered], list[list[Written]]], numbered: Numbered
  ) -> None:
    """Reads the tree, or makes it from solutions to the first problems.

    Raises:
      UserError: there is no criterion in it, or nothing to make one of.
    """
    if self.path.exists():
      self.tree = criteria.load(self.path)
    else:
      size = self.run.config.labelling.batch_problems
      for start in range(0, min(len(numbered), COMPARED_PROBLEMS), size):
        self._compare(write(numbered[start : start + size]))
    if not self.tree:
      raise UserError(
        f"{self.path}: no criterion was found, as the judge named none or no question "
        "has right and wrong solutions; write some by hand, as {coarse: [fine, ..]}"
      )
    if not self.path.exists():
      self.path.parent.mkdir(parents=True, exist_ok=True)
      criteria.save(self.tree, self.path)

  def _compare(self, found: Sequence[Sequence[Written]]) -> None:
    """Asks the judge by what right solutions differ from wrong ones."""
    asked, numbers = [], []
    for written in found:
      right = [one for one in written if one.texts and one.evidence.outcome == 1]
      wrong = [one for one in written if one.texts and one.evidence.outcome == 0]
      for good, bad in zip(right, wrong, strict=False):
        texts = ("".join(one.texts) for one in (good, bad))
        asked.append(criteria.compare_prompt(good.problem.question, *texts))
        numbers.append(good.number)
    sampling = self.judging.config.sampling
    prefixes = [writing.encode(self.judging, text) for text in asked]
    short = [
      i for i, ids in enumerate(prefixes) if len(ids) <= sampling.max_prompt_tokens
    ]
    said = writing.write(
      self.judging,
      self.weights,
      [prefixes[i] for i in short],
      [[numbers[i]] for i in short],
      self.key,
      batch_rows=self.run.config.labelling.batch_prefixes,
      max_tokens=sampling.max_response_tokens,
    )
    self.counts["comparisons"] += len(short)
    for text in itertools.chain(*said):
      self.tree = criteria.grown(self.tree, criteria.read(text), self.encode)

  def __call__(self, one: Written) -> list[solutions.Solution]:
    """Two solutions for each pair, the better one first."""
    found = []
    for prefix in sorted(one.completions):
      steps = [self._first_step(text) for text in one.completions[prefix]]
      candidates = [step for step in dict.fromkeys(steps) if step]
      found += self._pairs(one, prefix, candidates)
    return found

  def _first_step(self, text: str) -> str:
    """The text of a completion's first step; "" without one."""
    tokenizer = self.run.tokenizer
    response = Response(pieces=pieces(tokenizer, tokenizer.encode(text)))
    texts, _ = cut(response, pick.call(bind(self.run.config, "cut"), response))
    return texts[0] if texts else ""

  def _pairs(
    self, one: Written, prefix: int, candidates: Sequence[str]
  ) -> list[solutions.Solution]:
    if len(candidates) < 2:
      return []
    chosen = criteria.chosen(self.tree, candidates, self.encode)
    scores = self._scores(one, prefix, candidates, chosen)
    self.counts["candidates"] += len(candidates)
    found = []
    for number, pair in enumerate(pareto.pairs(scores)):
      self.counts["pairs"] += 1
      about = {"pair": f"{one.number}.{prefix}.{number}", "criteria": chosen}
      for label, place in zip((1.0, 0.0), pair, strict=True):
        found.append(
          solutions.Solution(
            **of_problem(self.run.task, one.problem),
            steps=(*one.texts[:prefix], candidates[place]),
            labels=(*[None] * prefix, label),
            outcome=label,
            about={**about, "scores": scores[place].tolist()},
          )
        )
    return found

  def _scores(
    self,
    one: Written,
    prefix: int,
    candidates: Sequence[str],
    chosen: Sequence[str],
  ) -> np.ndarray:
    """P(good) [N, C] of each candidate by each criterion."""
    asked = [
      criteria.score_prompt(one.problem.question, one.texts[:prefix], step, text)
      for step in candidates
      for text in chosen
    ]
    found = yes_no.shares(
      self.judging,
      self.weights,
      asked,
      batch_rows=self.run.config.labelling.batch_prefixes,
      counts=self.counts,
    )
    return found.reshape(len(candidates), len(chosen))
