"""What is known of one solution before its steps have labels. Host arrays.

Shapes: S steps of the solution; a prefix t, 0..S, is the question with its first t
steps; K completions of a prefix, M judges. NaN stands for what was not asked, or could
not be read: it is never a 0.

A rule of `prm/labels` names the fields it reads and gives [S] labels, NaN on a step
that is to have none; all NaN drops the solution. A rule of `prm/queries` names them and
gives the prefix that is to be completed next, or `DONE`.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

DONE = -1  # what a query gives where nothing more is to be asked


@dataclasses.dataclass(frozen=True)
class Evidence:
  """Of one solution; fields that nothing has filled in are None."""

  steps: int  # S
  outcome: float = float("nan")  # 1. where the final answer is right, else 0.
  # Completions that a policy wrote from each prefix.
  right: np.ndarray | None = None  # [S + 1, K] 1. where one reached the right answer
  likelihood: np.ndarray | None = None  # [S + 1, K] exp(mean log-prob of its tokens)
  uses_step: np.ndarray | None = (
    None  # [S + 1, K] 1. where the last step's result is used
  )
  prover_right: np.ndarray | None = None  # [S + 1, K] as `right`, of another policy
  # What the sampler said of the solution's own tokens: an array for each step.
  step_logp: Sequence[np.ndarray] | None = None
  # Verdicts: 1. right, 0. wrong.
  verdicts: np.ndarray | None = None  # [M, S] of judges
  checked: np.ndarray | None = None  # [S] of an exact checker
  values: np.ndarray | None = None  # [S + 1] of the nodes of a search tree
  refined: float = float(
    "nan"
  )  # 1. where a rewrite from the first wrong step was right
