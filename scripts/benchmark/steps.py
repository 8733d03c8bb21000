"""From the moments at which a trainer began its steps to the time of one step."""

import itertools
import statistics
from collections.abc import Sequence
from typing import Any


def step_times(
  starts: Sequence[float], rewards: Sequence[float], lengths: Sequence[float]
) -> dict[str, Any]:
  """Median time from one step's start to the next; the first two, which compile, apart.

  The last step has no next one: what ends a run (saving, closing) is not in a step.
  """
  each = [after - before for before, after in itertools.pairwise(starts)]
  return {
    "first_seconds": each[:2],
    "seconds": statistics.median(each[2:]),
    "step_seconds": each,
    "rewards": list(rewards),
    "lengths": list(lengths),
  }
