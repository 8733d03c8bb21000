"""Every problem once an epoch, in an order shuffled anew by the seed.

A task with weights is a mix: its sources are drawn in proportion to them, each in its
own shuffled epochs.
"""

from collections.abc import Sequence
from typing import Any

import grain
import numpy as np

from jaxrl.errors import UserError
from jaxrl.problems import Problem, Task, by_source


def uniform(task: Task, seed: int) -> "Uniform":
  """The curriculum over a task's training problems."""
  return Uniform(task, seed)


class Uniform:
  """The position in an endless, shuffled stream of problems is its whole state."""

  def __init__(self, task: Task, seed: int):
    if not task.weights:
      self._stream = _shuffled(task.train, seed)
    else:
      sources = by_source(task.train)
      if missing := set(task.weights) - set(sources):
        raise UserError(
          f"task {task.name}: no training problems from {sorted(missing)}; draw more "
          "problems, or lower test_fraction"
        )
      parts = [_shuffled(sources[source], seed) for source in task.weights]
      self._stream = grain.MapDataset.mix(parts, list(task.weights.values()))

  def init(self) -> dict[str, Any]:
    """State before the first problem."""
    return {"position": 0}

  def draw(
    self, state: dict[str, Any], count: int
  ) -> tuple[list[Problem], dict[str, Any]]:
    """The next `count` problems."""
    start = state["position"]
    problems = [self._stream[i] for i in range(start, start + count)]
    return problems, {"position": start + count}

  def observe(
    self, state: dict[str, Any], problems: Sequence[Problem], rewards: np.ndarray
  ) -> dict[str, Any]:
    """Rewards change nothing here."""
    return state


def _shuffled(problems: Sequence[Problem], seed: int) -> grain.MapDataset:
  # A grain map is random access: record i of the endless stream needs no state but i.
  return grain.MapDataset.source(problems).seed(seed).shuffle().repeat()
