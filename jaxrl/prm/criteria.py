"""DG-PRM's reward tree: what makes a step good, gathered from a judge. Yin et al.,
https://arxiv.org/abs/2507.17849.

  tree      coarse criteria, each with finer ones below it
  merged    a new criterion with cos(e, e') >= similar to one beside it is that one
  chosen    the `most` finest criteria most similar to the steps, those of the most
            similar coarse ones first

e is an encoder's vector of a criterion's text, of norm 1. The sources seen give neither
thresholds nor the rule of choice; both are plain choices (0.85 and 5 criteria). A
coarse criterion without finer ones is chosen itself. The wording is this library's.
"""

import dataclasses
import json
import pathlib
import re
from collections.abc import Callable, Sequence

import numpy as np

from jaxrl.errors import UserError

SIMILAR = 0.85
MOST = 5
Encode = Callable[[Sequence[str]], np.ndarray]  # texts -> [N, D] of norm 1
_LINE = re.compile(r"^\s*[-*\d.]*\s*([^:\n]+?)\s*:\s*(\S[^\n]*?)\s*$", re.MULTILINE)
_COMPARE = (
  "Below is a problem and two solutions to it. The first one is right and the second "
  "one is wrong.\n\nProblem:\n{question}\n\nRight:\n{right}\n\nWrong:\n{wrong}\n\n"
  "By what could one tell good steps from bad ones here, and in similar problems? "
  "Write a few lines, each with a general criterion, a colon, and what exactly it asks "
  "of a step, such as Calculation: every product is computed correctly"
)
_SCORE = (
  "Below is a problem and the first steps of a solution to it.\n\n"
  "Problem:\n{question}\n\nSolution:\n{before}\n\nLast step:\n{step}\n\n"
  "Criterion: {criterion}\n\nIs the last step good by this criterion? Answer Yes or No."
)


@dataclasses.dataclass(frozen=True)
class Criterion:
  """A coarse criterion, and the finer ones below it."""

  text: str
  finer: tuple[str, ...] = ()


def compare_prompt(question: str, right: str, wrong: str) -> str:
  """What asks a judge by what a right solution differs from a wrong one."""
  return _COMPARE.format(
    question=question.strip(), right=right.strip(), wrong=wrong.strip()
  )


def score_prompt(question: str, before: Sequence[str], step: str, text: str) -> str:
  """What asks whether a step is good by a criterion."""
  return _SCORE.format(
    question=question.strip(),
    before="".join(before).strip() or "(nothing yet)",
    step=step.strip(),
    criterion=text,
  )


def read(text: str) -> list[tuple[str, str]]:
  """(coarse, fine) of each line of a judge's text that has both."""
  return [(coarse, fine) for coarse, fine in _LINE.findall(text)]


def grown(
  tree: Sequence[Criterion],
  found: Sequence[tuple[str, str]],
  encode: Encode,
  *,
  similar: float = SIMILAR,
) -> list[Criterion]:
  """The tree with more criteria; near duplicates are merged into what is there."""
  tree = list(tree)
  for coarse, fine in found:
    parent = _nearest(coarse, [one.text for one in tree], encode, similar)
    if parent is None:
      tree.append(Criterion(coarse, (fine,)))
      continue
    old = tree[parent]
    if _nearest(fine, old.finer, encode, similar) is None:
      tree[parent] = dataclasses.replace(old, finer=(*old.finer, fine))
  return tree


def _nearest(
  text: str, others: Sequence[str], encode: Encode, similar: float
) -> int | None:
  """The most similar of the others, if it is similar enough."""
  if not others:
    return None
  first, *rest = encode([text, *others])
  cosines = np.array(rest) @ first
  best = int(np.argmax(cosines))
  return best if cosines[best] >= similar else None


def chosen(
  tree: Sequence[Criterion],
  steps: Sequence[str],
  encode: Encode,
  *,
  most: int = MOST,
) -> list[str]:
  """The criteria that suit some candidates for one step: the same for all of them."""
  if not tree or not steps:
    return []
  finer = [one.finer or (one.text,) for one in tree]
  texts = [one.text for one in tree] + [text for group in finer for text in group]
  vectors = encode([*steps, *texts])
  # How similar a criterion is to any of the candidates.
  cosines = (vectors[len(steps) :] @ vectors[: len(steps)].T).max(axis=1)
  coarse, rest = cosines[: len(tree)], cosines[len(tree) :]
  groups = np.split(rest, np.cumsum([len(group) for group in finer])[:-1])
  found: list[str] = []
  for parent in np.argsort(-coarse, kind="stable"):
    order = np.argsort(-groups[parent], kind="stable")
    found += [finer[parent][i] for i in order]
  return found[:most]


def save(tree: Sequence[Criterion], path: pathlib.Path) -> None:
  """Writes the tree as JSON: {coarse: [fine, ..]}."""
  text = json.dumps({one.text: list(one.finer) for one in tree}, indent=2)
  part = path.with_suffix(path.suffix + ".part")
  part.write_text(text + "\n")
  part.replace(path)


def load(path: pathlib.Path) -> list[Criterion]:
  """What `save` wrote, or somebody by hand.

  Raises:
    UserError: it is no such file.
  """
  try:
    tree = json.loads(path.read_text())
    return [
      Criterion(str(text), tuple(map(str, finer))) for text, finer in tree.items()
    ]
  except (OSError, ValueError, AttributeError, TypeError) as error:
    raise UserError(
      f"{path}: no tree of criteria ({error}); it is JSON, {{coarse: [fine, ..]}}"
    ) from None
