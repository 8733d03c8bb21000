"""Worked solutions of the problems themselves, to imitate. Ouyang et al.,
https://arxiv.org/abs/2203.02155, section 3.5: supervised fine-tuning.

  rows = problem.data["solution"], with the stop token; every token of it trains

The loss is `sft`. Problems of math_jsonl, math_tfds and arithmetic_steps have a
solution. Each row of a group is the same, so group_size 1 is enough. What is longer
than `sampling.max_response_tokens` is cut, and counts as truncated.
"""

import dataclasses
from collections.abc import Sequence

import jax

from jaxrl.build import Run
from jaxrl.draw import Drawn
from jaxrl.errors import UserError
from jaxrl.explore.recorded import rows_of
from jaxrl.problems import Problem
from jaxrl.sandbox import Outcome, VerifierPool
from jaxrl.types import Tree


def demonstrations(
  run: Run,
  pool: VerifierPool | None,
  variables: Tree,
  problems: Sequence[Problem],
  key: jax.Array,
  group: int,
  first_row: int,
) -> Drawn:
  """Rows of the problems' own solutions; only the run and the problems are used."""
  asked = [problem for problem in problems for _ in range(group)]
  words = [str(problem.data.get("solution", "")) for problem in asked]
  if "" in words:
    raise UserError(
      f"explore demonstrations: problem {asked[words.index('')].id} of task "
      f"{run.task.name} has no solution under data['solution']; take a task that has"
    )
  found = [{"steps": [text], "labels": [None], "outcome": 1.0} for text in words]
  batch = rows_of(run, asked, found, train="responses")
  rows = jax.numpy.arange(len(asked), dtype=jax.numpy.int32) // group
  outcomes = [Outcome(1.0, formatted=True, status="ok")] * len(asked)
  batch = dataclasses.replace(batch, group=rows)
  return Drawn(batch, asked, words, outcomes, 0)
