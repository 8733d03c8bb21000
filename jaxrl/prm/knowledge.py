"""Which documents a solution uses: P(yes) of a judging model. Host code.

Fin-PRM, https://arxiv.org/abs/2508.15202, asks how much of the knowledge that a
question needs is used; the wording is this library's.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np

from jaxrl.build import Run
from jaxrl.prm import yes_no
from jaxrl.prm.written import Written
from jaxrl.types import Tree

_ASK = (
  "Below is a problem, a solution to it, and a piece of knowledge.\n\n"
  "Problem:\n{question}\n\nSolution:\n{solution}\n\nKnowledge:\n{document}\n\n"
  "Does the solution use this piece of knowledge? Answer Yes or No."
)


@dataclasses.dataclass(frozen=True)
class Usage:
  """A judging model that is asked about one document at a time."""

  run: Run
  params: Tree
  batch_rows: int
  counts: Counter

  def __call__(
    self, written: Sequence[Written], found: Sequence[Sequence[str]]
  ) -> list[np.ndarray]:
    """P(used) [D] of each solution's documents; NaN where they are too long to read."""
    pairs = [(i, d) for i, texts in enumerate(found) for d in range(len(texts))]
    asked = [self._prompt(written[i], found[i][d]) for i, d in pairs]
    shares = yes_no.shares(
      self.run, self.params, asked, batch_rows=self.batch_rows, counts=self.counts
    )
    used = [np.full(len(texts), np.nan) for texts in found]
    for (i, d), share in zip(pairs, shares, strict=True):
      used[i][d] = share
    return used

  def _prompt(self, one: Written, document: str) -> str:
    return _ASK.format(
      question=one.problem.question.strip(),
      solution="".join(one.texts).strip(),
      document=document,
    )
