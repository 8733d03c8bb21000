"""Readers of public benchmarks of process reward models, into one format.

Each gives `Solution`s, labels 1 for a right step, 0 for a wrong one and None for one
that nobody judged. Files hold one JSON object a line, or one array of them. A solution
is one text here: `joint` stands between its steps, and belongs to the one before it.
"""

import itertools
import json
import pathlib
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from jaxrl.errors import UserError
from jaxrl.prm import evaluation
from jaxrl.prm.response import part_starts
from jaxrl.prm.solutions import Solution

Judge = Callable[[Solution], Sequence[float] | np.ndarray]  # scores of the steps


def process_bench(path: str | pathlib.Path, *, joint: str = "\n\n") -> list[Solution]:
  """ProcessBench, Zheng et al., https://arxiv.org/abs/2412.06559.

  Records {"id", "generator", "problem", "steps", "final_answer_correct", "label"}, the
  label being the first wrong step from 0, or -1. Steps after it have no label.
  """

  def parse(record: Mapping[str, Any]) -> Solution:
    steps = _texts(record, "steps")
    label = _number(record, "label")
    if not -1 <= label < len(steps):
      raise ValueError(
        f"'label' is {label}; {len(steps)} steps have -1..{len(steps) - 1}"
      )
    correct = _field(record, "final_answer_correct")
    if not isinstance(correct, bool):
      raise ValueError(f"'final_answer_correct' is {correct!r}, not true or false")
    return Solution(
      problem=_text(record, "id"),
      question=_text(record, "problem"),
      steps=_joined(steps, joint),
      labels=up_to_first_error(len(steps), label),
      outcome=float(correct),
      source="process_bench",
      about={"generator": _text(record, "generator")},
    )

  return _read(path, parse)


def prm_bench(
  path: str | pathlib.Path, *, originals: bool = False, joint: str = "\n"
) -> list[Solution]:
  """PRMBench, Song et al., https://arxiv.org/abs/2501.03124.

  Records {"idx", "modified_question", "modified_process", "error_steps",
  "classification", ...} of solutions that were altered, all steps labelled; the steps
  in `error_steps`, counted from 1, are wrong. `originals` gives the solutions before
  that, {"original_question", "original_process"}, as right in every step.
  """

  def parse(record: Mapping[str, Any]) -> Solution:
    kind = "original" if originals else "modified"
    steps = _texts(record, f"{kind}_process")
    errors = [] if originals else _errors(record, "error_steps", len(steps), 1)
    return Solution(
      problem=str(_field(record, "idx")),
      question=_text(record, f"{kind}_question"),
      steps=_joined(steps, joint),
      labels=tuple(float(i not in errors) for i in range(len(steps))),
      source="prm_bench",
      about={"kind": "correct" if originals else _text(record, "classification")},
    )

  return _read(path, parse)


def mp_bench(
  path: str | pathlib.Path,
  *,
  question: str = "question",
  steps: str = "steps",
  errors: str = "error_steps",
  first_step: int = 1,
  joint: str = "\n",
) -> list[Solution]:
  """The file step_correctness.json of MPBench, Xu et al., https://arxiv.org/abs/2503.12505.

  The file was not at hand: its fields are named by the caller, and the defaults are a
  guess after PRMBench, which it follows. Images are left out.

  Args:
    path: JSON lines or an array.
    question: the field of the question.
    steps: the field of the steps, a list of texts.
    errors: the field of the wrong steps, a list of numbers.
    first_step: the number of the first step.
    joint: what stands between steps.
  """

  def parse(record: Mapping[str, Any]) -> Solution:
    texts = _texts(record, steps)
    wrong = _errors(record, errors, len(texts), first_step)
    asked = _text(record, question)
    return Solution(
      problem=str(record.get("id", f"{zlib.crc32(asked.encode()):08x}")),
      question=asked,
      steps=_joined(texts, joint),
      labels=tuple(float(i not in wrong) for i in range(len(texts))),
      source="mp_bench",
    )

  return _read(path, parse)


def champ() -> list[Solution]:
  """CHAMP's 540 model solutions with a human's first wrong step. Mao et al.,
  https://arxiv.org/abs/2401.06961.

  A step is a line that holds something, as with steps `newline`; the annotated span
  starts in the wrong one. 444 have a mistake. Steps after it have no label.
  """
  import champ_dataset

  found = []
  for problem in champ_dataset.load("v0").problems.values():
    for author, note in problem.fws_annotations.items():
      later = list(part_starts(note.text, "\n"))
      edges = itertools.pairwise([0, *later, len(note.text)])
      error = -1
      if note.start_idx is not None:
        error = sum(start <= note.start_idx for start in later)
      found.append(
        Solution(
          problem=problem.identifier,
          question=problem.text,
          steps=tuple(note.text[start:end] for start, end in edges),
          labels=up_to_first_error(len(later) + 1, error),
          answer=problem.answer,
          source=f"champ/{problem.category}",
          about={"generator": author},
        )
      )
  return found


def up_to_first_error(steps: int, error: int) -> tuple[float | None, ...]:
  """1 for the steps before the first wrong one, 0 for it, None after; -1: no error."""
  if error < 0:
    return (1.0,) * steps
  return (1.0,) * error + (0.0,) + (None,) * (steps - error - 1)


# --- how a model does on them -------------------------------------------------------


def always_correct(solution: Solution) -> np.ndarray:
  """The judge that finds no mistake: what a model has to beat on right solutions."""
  return np.ones(len(solution.steps))


def random(solution: Solution, *, seed: int = 0) -> np.ndarray:
  """The judge that guesses, uniform in 0..1; the same solution gets the same scores."""
  about = solution.about.get("generator", "")
  key = zlib.crc32(f"{solution.problem}\n{about}\n{solution.text}".encode())
  return np.random.default_rng([seed, key]).random(len(solution.steps))


def evaluate(
  solutions: Sequence[Solution], judge: Judge, threshold: float = 0.5
) -> dict[str, float]:
  """`evaluation.summarize_steps` of what a judge says of labelled solutions."""
  scores = [np.asarray(judge(one), dtype=np.float64) for one in solutions]
  labels = [np.asarray(one.labels, dtype=np.float64) for one in solutions]
  return evaluation.summarize_steps(scores, labels, threshold)


# --- reading ------------------------------------------------------------------------


def _read(
  path: str | pathlib.Path, parse: Callable[[Mapping[str, Any]], Solution]
) -> list[Solution]:
  """All records of a file; UserError names the file and the record that is bad."""
  found = []
  for where, record in _records(pathlib.Path(path)):
    try:
      if not isinstance(record, dict):
        raise ValueError("no JSON object")
      found.append(parse(record))
    except ValueError as error:
      raise UserError(f"{where}: {error}; mend or remove it") from None
  if not found:
    raise UserError(f"{path}: it holds no solution")
  return found


def _records(path: pathlib.Path) -> Iterator[tuple[str, Any]]:
  try:
    text = path.read_text(encoding="utf-8")
  except (OSError, ValueError) as error:
    raise UserError(f"cannot read {path}: {error}") from None
  if text.lstrip().startswith("["):
    try:
      records = json.loads(text)
    except (ValueError, RecursionError) as error:
      raise UserError(
        f"{path}: no JSON array ({error}); was the file cut short?"
      ) from None
    yield from ((f"{path}: record {i}", one) for i, one in enumerate(records, start=1))
    return
  # Not splitlines(), which also cuts at characters that JSON text may hold.
  for number, line in enumerate(text.split("\n"), start=1):
    if line.strip():
      try:
        record = json.loads(line)
      except (ValueError, RecursionError) as error:
        raise UserError(
          f"{path}:{number}: no JSON ({error}); was the file cut short?"
        ) from None
      yield f"{path}:{number}", record


def _field(record: Mapping[str, Any], name: str) -> Any:
  if name not in record:
    raise ValueError(f"no field {name!r}; it has {', '.join(map(repr, record))}")
  return record[name]


def _text(record: Mapping[str, Any], name: str) -> str:
  value = _field(record, name)
  if not isinstance(value, str) or not value.strip():
    raise ValueError(f"{name!r} is {value!r}, no text")
  return value


def _texts(record: Mapping[str, Any], name: str) -> list[str]:
  value = _field(record, name)
  if not isinstance(value, list) or not value:
    raise ValueError(f"{name!r} is no list of steps")
  if not all(isinstance(step, str) and step for step in value):
    raise ValueError(f"{name!r} has a step that is no text")
  return value


def _number(record: Mapping[str, Any], name: str) -> int:
  value = _field(record, name)
  if not isinstance(value, int) or isinstance(value, bool):
    raise ValueError(f"{name!r} is {value!r}, no whole number")
  return value


def _errors(record: Mapping[str, Any], name: str, steps: int, first: int) -> list[int]:
  """The wrong steps, from 0."""
  value = _field(record, name)
  if not isinstance(value, list):
    raise ValueError(f"{name!r} is {value!r}, no list")
  for number in value:
    whole = isinstance(number, int) and not isinstance(number, bool)
    if not whole or not first <= number < first + steps:
      raise ValueError(
        f"{name!r} has {number!r}; {steps} steps have {first}..{first + steps - 1}"
      )
  return [number - first for number in value]


def _joined(steps: Sequence[str], joint: str) -> tuple[str, ...]:
  return (*(step + joint for step in steps[:-1]), steps[-1])
