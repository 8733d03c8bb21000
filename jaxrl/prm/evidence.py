"""What is known of one solution before its steps have labels. Host arrays.

Shapes: S steps of the solution; a prefix t, 0..S, is the question with its first t
steps; K completions of a prefix, M judges, counting each vote of each of their prompts.
NaN stands for what was not asked, or could not be read: it is never a 0.

A rule of `prm/labels` names the fields it reads and gives [S] labels, NaN on a step
that is to have none; all NaN drops the solution. A rule of `prm/queries` names them and
gives the prefix that is to be completed next, or `DONE`. One that names `verdicts` says
by `JUDGE` that judges are to be asked; without such a query they are asked of every
solution, if the rule of labels reads what they say.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

DONE = -1  # what a query gives where nothing more is to be asked
JUDGE = -2  # what it gives where the judges are to be asked


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
  verdicts: np.ndarray | None = None  # [M, S] of judges; M = 0: not asked
  grounded: np.ndarray | None = None  # [M, S] of judges that see documents
  checked: np.ndarray | None = None  # [S] of an exact checker
  values: np.ndarray | None = None  # [S + 1] of the nodes of a search tree
  refined: float = float(
    "nan"
  )  # 1. where a rewrite from the first wrong step was right
  checklist: np.ndarray | None = None  # [S] share of a checklist that is done
  heads: np.ndarray | None = None  # [S, H] P(right) by each head of an ensemble
  # Of a solution whose last step is its final answer, see `steps/final_answer`.
  alignment: np.ndarray | None = None  # [S] cosine with the nearest line of the answer
  # [S, 1 + N] cosines with the step before: of the step, and of unrelated ones.
  neighbours: np.ndarray | None = None
  template_right: np.ndarray | None = None  # [K] 1. where its plan led to the answer
  knowledge_used: np.ndarray | None = None  # [D] P(used) of each document
