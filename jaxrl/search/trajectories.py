"""The best trajectory that a search found for each problem, as a file to learn from.

AlphaLLM, https://arxiv.org/abs/2404.12253, trains its policy on what its critics take
for the best, right or not; a line says which it is, where a verifier could. Host code.
"""

import pathlib
from collections.abc import Sequence

import numpy as np

from jaxrl import pick
from jaxrl.build import Run
from jaxrl.config import bind
from jaxrl.errors import UserError
from jaxrl.prm import solutions
from jaxrl.prm.response import Response, pieces
from jaxrl.prm.solutions import Solution
from jaxrl.prm.written import cut, of_problem, right
from jaxrl.search.on_model import Found


def write(run: Run, found: Sequence[Found], path: pathlib.Path) -> int:
  """Writes them, without labels of steps; how many there are.

  Raises:
    UserError: there is none: no row of any problem came to its end.
  """
  lines = [solutions.to_line(one) for one in best(run, found)]
  if not lines:
    raise UserError(
      f"{path}: no search came to the end of a response, so that there is nothing to "
      "write; raise searching.rounds or searching.step_tokens"
    )
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text("".join(lines))
  return len(lines)


def best(run: Run, found: Sequence[Found]) -> list[Solution]:
  """Of each problem the finished row with the highest number, the first of equal ones.

  A problem without a finished row, or whose best one says nothing, has none.
  """
  chosen = []
  for one in found:
    if not np.any(one.finished):
      continue
    row = int(np.argmax(np.where(one.finished, one.scores, -np.inf)))
    ids = run.tokenizer.encode(one.texts[row])
    response = Response(pieces=pieces(run.tokenizer, ids))
    steps, _ = cut(response, pick.call(bind(run.config, "cut"), response))
    if not steps:
      continue
    outcome = right(run, one.outcomes[row])
    chosen.append(
      Solution(
        **of_problem(run.task, one.problem),
        steps=tuple(steps),
        labels=(None,) * len(steps),
        outcome=None if np.isnan(outcome) else outcome,
        about={
          "model": run.config.model.path,
          "search": dict(run.config.search),
          "score": float(one.scores[row]),
        },
      )
    )
  return chosen
