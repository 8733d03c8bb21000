"""How well a model of steps does on labelled solutions that it was not trained on."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxrl.build import Run
from jaxrl.errors import UserError
from jaxrl.explore.recorded import rows_of
from jaxrl.metrics import SampleRow
from jaxrl.prm import evaluation
from jaxrl.prm.score_steps import StepScorer
from jaxrl.problems import Problem
from jaxrl.types import Tree


def step_scores(
  scorer: StepScorer,
  problems: Sequence[Problem],
  found: Sequence[Any],
  *,
  batch_rows: int,
) -> list[tuple[np.ndarray, np.ndarray]]:
  """For each solution the scores and the labels of its labelled steps, in order."""
  result = []
  run = scorer.run
  for start in range(0, len(found), batch_rows):
    part = list(found[start : start + batch_rows])
    missing = batch_rows - len(part)
    asked = list(problems[start : start + batch_rows])
    asked += [asked[-1]] * missing
    batch = rows_of(run, asked, [*part, *[None] * missing], train="steps")
    marks, labels = np.asarray(batch.mask) > 0, np.asarray(batch.step_labels)
    if scorer.of_tokens:  # every token of the response, and the one before the mark
      whole = rows_of(run, asked, [*part, *[None] * missing], train="responses")
      scores = np.roll(np.asarray(scorer(whole)), 1, axis=1)
    else:
      scores = np.asarray(scorer(batch))
    rows = zip(marks, scores, labels, strict=True)
    result += [(s[on], y[on]) for on, s, y in rows][: len(part)]
  return result


def evaluate(
  run: Run,
  params: Tree,
  step: int,
) -> tuple[dict[str, float], list[SampleRow]]:
  """Metrics of `evaluation.summarize_steps` on the task's test solutions; no samples.

  Raises:
    UserError: there is no labelled solution to test on.
  """
  pairs = [
    (problem, one)
    for problem in run.task.test[: run.config.evaluation.problems]
    for one in problem.data["solutions"]
    if any(label is not None for label in one["labels"])
  ]
  if not pairs:
    raise UserError(f"the task {run.task.name} has no labelled test solutions")
  problems, found = zip(*pairs, strict=True)
  rows = run.config.evaluation.batch_rows
  scorer = StepScorer(run, params, run.policy.response_width)
  scored = step_scores(scorer, problems, found, batch_rows=rows)
  scores, labels = zip(*scored, strict=True)
  if _are_values(run):
    labels = tuple((1 + y) / 2 for y in labels)  # as a readout gives scores of values
  metrics = evaluation.summarize_steps(scores, labels)
  return {**metrics, "problems": float(len({p.question for p in problems}))}, []


def _are_values(run: Run) -> bool:
  """Whether labels stand for values within -1..1: some are negative."""
  return any(
    label is not None and label < 0
    for side in (run.task.train, run.task.test)
    for problem in side
    for one in problem.data["solutions"]
    for label in one["labels"]
  )


def is_labelled(run: Run) -> bool:
  """Whether the task's problems hold labelled solutions, and not questions alone."""
  return bool(run.task.test) and "solutions" in run.task.test[0].data
