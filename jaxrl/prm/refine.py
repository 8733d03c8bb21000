"""Solutions written anew from their first wrong step, by what a judge says of it.

Critic-CoT, Zheng et al., https://arxiv.org/abs/2408.16326, and GenPRM, Zhao et al.,
https://arxiv.org/abs/2504.00891: the policy reads the steps before the wrong one, that
step and the critique, and writes the rest of the solution. Host code.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax

from jaxrl import pick
from jaxrl.build import Run
from jaxrl.config import bind
from jaxrl.prm import writing
from jaxrl.prm.response import Response, pieces
from jaxrl.prm.written import cut
from jaxrl.problems import Problem
from jaxrl.sandbox import VerifierPool
from jaxrl.types import Tree


class Draft(NamedTuple):
  """A solution that is to be written anew."""

  problem: str  # its id
  question: str
  steps: tuple[str, ...]
  wrong: int  # the first wrong step
  critique: str
  row: int  # names its randomness


class Rewrite(NamedTuple):
  """What became of it."""

  text: str  # from the wrong step on
  steps: tuple[str, ...]  # of the whole; without new ones where nothing was written
  outcome: float | None  # 1. right, 0. wrong; None: no verdict, or unknown problem


def prompt(draft: Draft) -> str:
  """What the policy is asked."""
  before = "".join(draft.steps[: draft.wrong]).strip()
  parts = (
    f"Problem:\n{draft.question.strip()}",
    f"The solution so far:\n{before}" if before else "",
    f"Its next step was:\n{draft.steps[draft.wrong].strip()}",
    f"A critic found that step to be wrong:\n{draft.critique.strip()}",
    "Write that step anew and go on to the final answer, in the same form. Do not "
    "repeat what stands before that step.",
  )
  return "\n\n".join(part for part in parts if part)


@dataclasses.dataclass(frozen=True)
class Rewriter:
  """A policy, and the verifier of the problems that it knows."""

  run: Run
  params: Tree
  pool: VerifierPool
  problems: Mapping[str, Problem]
  batch_rows: int = 8

  def __call__(self, drafts: Sequence[Draft], key: jax.Array) -> list[Rewrite]:
    """The drafts, each written anew once; one that is too long keeps its start only."""
    asked = [writing.encode(self.run, prompt(draft)) for draft in drafts]
    most = self.run.config.sampling.max_prompt_tokens
    fits = [i for i, ids in enumerate(asked) if len(ids) <= most]
    texts = dict.fromkeys(range(len(drafts)), "")
    written = writing.write(
      self.run,
      self.params,
      [asked[i] for i in fits],
      [[drafts[i].row] for i in fits],
      key,
      batch_rows=self.batch_rows,
      max_tokens=self.run.config.sampling.max_response_tokens,
    )
    texts |= {i: text for i, (text,) in zip(fits, written, strict=True)}
    steps = [
      (*draft.steps[: draft.wrong], *self._cut(texts[i]))
      for i, draft in enumerate(drafts)
    ]
    outcomes = self._outcomes(drafts, steps)
    return [Rewrite(texts[i], steps[i], outcomes.get(i)) for i in range(len(drafts))]

  def _cut(self, text: str) -> list[str]:
    ids = self.run.tokenizer.encode(text)
    if not ids:
      return []
    response = Response(pieces=pieces(self.run.tokenizer, ids))
    rule = bind(self.run.config, "cut")
    return cut(response, pick.call(rule, response))[0]

  def _outcomes(
    self, drafts: Sequence[Draft], steps: Sequence[Sequence[str]]
  ) -> dict[int, float | None]:
    known = [i for i, draft in enumerate(drafts) if draft.problem in self.problems]
    pairs = [(self.problems[drafts[i].problem], "".join(steps[i])) for i in known]
    right = self.run.config.labelling.right_score
    return {
      i: None if found.score is None else float(found.score >= right)
      for i, found in zip(known, self.pool.verify(pairs), strict=True)
    }
