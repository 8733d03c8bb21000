"""What each head of a trained ensemble says of the steps of solutions. Host code."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import jax
import numpy as np

from jaxrl.explore.recorded import rows_of
from jaxrl.policy import Policy
from jaxrl.prm import score_steps
from jaxrl.prm.score_steps import StepScorer
from jaxrl.prm.solutions import tokenize
from jaxrl.prm.written import Written
from jaxrl.problems import Task
from jaxrl.types import Rollouts, Tree


@dataclasses.dataclass(frozen=True)
class Heads:
  """The heads of a run directory; without one there are none."""

  scorer: StepScorer | None
  batch_rows: int

  def __call__(self, written: Sequence[Written]) -> list[np.ndarray]:
    """P(right) [S, H] of each solution's steps, NaN where it is too long to be read."""
    if self.scorer is None:
      return [np.zeros((len(one.texts), 0)) for one in written]
    found: list[np.ndarray] = []
    for start in range(0, len(written), self.batch_rows):
      part = list(written[start : start + self.batch_rows])
      # Filled up to one shape; what the copies say is dropped.
      filled = part + [part[-1]] * (self.batch_rows - len(part))
      found += self._batch(self.scorer, filled)[: len(part)]
    return found

  def _batch(self, scorer: StepScorer, written: Sequence[Written]) -> list[np.ndarray]:
    run = scorer.run
    recorded = [
      {"steps": one.texts, "labels": [1.0] * len(one.texts), "outcome": None}
      for one in written
    ]
    problems = [one.problem for one in written]
    batch = rows_of(run, problems, recorded, train="steps")
    policy = dataclasses.replace(run.policy, responses_per_row=1)
    said = np.asarray(_probabilities(policy)(scorer.params, run.frozen, batch))
    room, found = run.config.sampling.max_response_tokens - 1, []
    for row, start, one in zip(
      said, np.asarray(batch.prompt_tokens), written, strict=True
    ):
      ends = np.array(tokenize(run.tokenizer, one.texts)[1], int)
      fits = ends < room
      heads = np.full((len(ends), row.shape[-1]), np.nan)
      heads[fits] = row[start + ends[fits] + 1]  # read behind a step
      found.append(heads)
    return found


@functools.cache
def _probabilities(policy: Policy) -> Callable:
  @jax.jit
  def of_heads(params: Tree, frozen: Tree, batch: Rollouts) -> jax.Array:
    outputs = policy.forward(params, frozen, batch, ("step_outputs",))
    return jax.nn.sigmoid(outputs.step_outputs)

  return of_heads


def load(directory: str | None, task: Task, *, batch_rows: int) -> Heads:
  """The heads that a run trained, for solutions to a task's problems.

  Raises:
    UserError: there is no such run, or it trained no model of steps.
  """
  if directory is None:
    return Heads(None, batch_rows)
  return Heads(score_steps.load(directory).asked_by(task), batch_rows)
