"""HGS-PRM: mutants of correct programs, by their unit tests. Ma et al.,
https://arxiv.org/abs/2310.10080.

  the right program and up to `mutants` copies of it with one operator, constant or
  condition changed, each run against the tests

as solutions whose `checked` is 1 on lines left as they are, 0 on the changed one and
NaN behind it; `labels/hgs_prm` makes classes of that. No model writes anything: the
branches are those of the program's syntax tree (`prm/mutate_code`). Programs are the
reference answers of the task, MBPP's in the paper; one that does not parse or fails its
own tests is left out and counted. Steps are as `cut` says, of the program in a ```
block as a model writes it: `steps/code_lines`.
"""

import random
from collections.abc import Sequence

import numpy as np

from jaxrl import pick
from jaxrl.config import bind
from jaxrl.prm.grow import NAN, Grower, Node, start
from jaxrl.prm.label import Labeller
from jaxrl.prm.mutate_code import Mutant
from jaxrl.prm.mutate_code import mutants as mutants_of
from jaxrl.prm.response import Response, pieces
from jaxrl.prm.written import Written, cut
from jaxrl.problems import Problem

OPENING, CLOSING = "```python\n", "```"


def hgs_prm(
  labeller: Labeller,
  numbered: Sequence[tuple[int, Problem]],
  *,
  mutants: int = 8,
) -> list[list[Written]]:
  """The problems' programs and their mutants, verified; `checked` is filled in."""
  grower = start(labeller, numbered)
  found: list[list[Written]] = [[] for _ in grower.plots]
  versions = []
  for plot, one in enumerate(grower.plots):
    rng = random.Random(f"{labeller.run.config.seed} {one.problem.id}")
    program = one.problem.answer.rstrip("\n") + "\n"
    made = mutants_of(program, rng, most=mutants)
    if not made:
      labeller.counts["programs_without_mutants"] += 1
      continue
    whole = Mutant(tuple(program.splitlines(keepends=True)), len(made[0].lines))
    versions += [(plot, version) for version in (whole, *made)]
  pairs = [
    (grower.plots[plot].problem, OPENING + "".join(version.lines) + CLOSING)
    for plot, version in versions
  ]
  outcomes = labeller.pool.verify(pairs)
  wrong = {
    plot
    for (plot, version), outcome in zip(versions, outcomes, strict=True)
    if version.line == len(version.lines) and outcome.score != 1
  }
  labeller.counts["programs_not_right"] += len(wrong)
  for (plot, version), (_, text), outcome in zip(
    versions, pairs, outcomes, strict=True
  ):
    if plot not in wrong:
      score = NAN if outcome.score is None else float(outcome.score == 1)
      found[plot].append(_written(grower, plot, len(found[plot]), version, text, score))
  return found


def _written(
  grower: Grower, plot: int, path: int, version: Mutant, text: str, score: float
) -> Written:
  """A version as a solution in steps, with what was changed in it."""
  tokenizer = grower.run.tokenizer
  tokens = tokenizer.encode(text)
  response = Response(pieces=pieces(tokenizer, tokens))
  texts, ends = cut(response, pick.call(bind(grower.run.config, "cut"), response))
  place = len(OPENING) + sum(map(len, version.lines[: version.line]))
  reach = np.cumsum([len(one) for one in texts])
  changed = int(np.searchsorted(reach, place, side="right"))
  checked = np.where(np.arange(len(texts)) < changed, 1.0, NAN)
  checked[changed : changed + 1] = 0.0
  if version.line == len(version.lines):
    checked[:] = 1.0
  node = Node(
    tokens=tuple(tokens),
    ends=tuple(ends),
    texts=tuple(texts),
    terminal=True,
    ended=True,
    outcome=score,
  )
  return grower.written(plot, path, node, {"checked": checked})
