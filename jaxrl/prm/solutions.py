"""Solutions in steps, with labels: the one format of process supervision, as JSONL.

A line is one solution:

  {"problem": "1f…", "source": "gsm8k", "question": "…", "answer": "42",
   "steps": ["First …\\n", "So …"], "labels": [1.0, null], "outcome": 0.0,
   "messages": [{"role": "user", "content": "…"}], "about": {}}

The texts of the steps follow each other without anything between them. A label says
how good a step is (1 right, 0 wrong, shares between them; some rules use -1..1), null
that the step is not to be trained on. `outcome` is 1 where the final answer is right,
null where nobody knows. `messages` are the turns of the chat in which the question was
asked, and in which a model of steps is to read the solution (with `model.chat` off both
have the question alone); empty where nobody knows. Lines without them are read too.
"""

import dataclasses
import itertools
import json
import logging
import math
import numbers
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from jaxrl.errors import UserError
from jaxrl.models.tokenizer import Tokenizer
from jaxrl.prm.response import pieces

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Solution:
  """One response to a problem, cut into steps."""

  problem: str  # the problem's id
  question: str
  steps: tuple[str, ...]
  labels: tuple[float | None, ...]  # one a step
  outcome: float | None = None
  answer: str = ""
  source: str = ""
  messages: tuple[Mapping[str, str], ...] = ()  # {role, content}, as Task.messages has
  about: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # how it was made

  def __post_init__(self):
    _check(self.steps, self.labels, self.outcome)

  @property
  def text(self) -> str:
    """The whole response."""
    return "".join(self.steps)


def _check(steps: Any, labels: Any, outcome: Any) -> None:
  """ValueError where numbers are missing, or are none."""
  if len(labels) != len(steps):
    raise ValueError(f"{len(labels)} labels for {len(steps)} steps")
  for i, label in enumerate(labels):
    if label is not None and not _finite(label):
      raise ValueError(f"label {i} is {label!r}, no finite number")
  if outcome is not None and not (_finite(outcome) and 0 <= outcome <= 1):
    raise ValueError(f"the outcome is {outcome!r}, not within 0..1")


def _finite(value: Any) -> bool:
  real = isinstance(value, numbers.Real) and not isinstance(value, bool)
  return real and math.isfinite(value)


def to_line(solution: Solution) -> str:
  """A line of JSON, with its end."""
  return json.dumps(dataclasses.asdict(solution)) + "\n"


def from_line(line: bytes) -> Solution:
  """What `to_line` wrote; ValueError says what is wrong with the line."""
  try:
    record = json.loads(line.decode())
  except (ValueError, RecursionError):
    raise ValueError("no JSON object (was the file cut short?)") from None
  if not isinstance(record, dict):
    raise ValueError("no JSON object")
  for name in ("problem", "question"):
    if not isinstance(record.get(name), str) or not record[name].strip():
      raise ValueError(f"no text under {name!r}")
  steps, labels = record.get("steps"), record.get("labels")
  if not isinstance(steps, list) or not all(isinstance(s, str) and s for s in steps):
    raise ValueError("'steps' is no list of texts, none of them empty")
  if not isinstance(labels, list):
    raise ValueError("'labels' is no list")
  messages = record.get("messages", [])
  if not isinstance(messages, list) or not all(map(_is_turn, messages)):
    raise ValueError("'messages' is no list of turns, {role, content} each")
  _check(steps, labels, record.get("outcome"))
  known = {field.name for field in dataclasses.fields(Solution)}
  if unknown := sorted(set(record) - known):
    raise ValueError(f"it has {unknown[0]!r}, that no solution has")
  number = lambda x: None if x is None else float(x)
  read = {
    "steps": tuple(steps),
    "labels": tuple(map(number, labels)),
    "messages": tuple(messages),
    "outcome": number(record.get("outcome")),
  }
  return Solution(**{**record, **read})


def _is_turn(value: Any) -> bool:
  texts = isinstance(value, dict) and all(isinstance(x, str) for x in value.values())
  return texts and set(value) == {"role", "content"}


def read(
  path: str | pathlib.Path, *, on_bad_line: Literal["error", "skip"] = "error"
) -> list[Solution]:
  """The solutions of a file, or of all .jsonl files of a folder, in order.

  Raises:
    UserError: there is no such file, no solution in it, or a bad line, by its number.
  """
  path = pathlib.Path(path)
  files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
  if not files or not all(file.is_file() for file in files):
    raise UserError(f"{path}: no file of labelled solutions; make one: jaxrl label")
  found, bad = [], []
  for file in files:
    with open(file, "rb") as lines:
      for number, line in enumerate(lines, start=1):
        try:
          found.append(from_line(line))
        except ValueError as error:
          if on_bad_line == "error":
            raise UserError(
              f"{file}:{number}: {error}; mend the line or set on_bad_line=skip"
            ) from None
          bad.append(f"{file}:{number}")
  if bad:
    _log.warning("skipped %d bad lines, the first is %s", len(bad), bad[0])
  if not found:
    raise UserError(f"{path}: it holds no solution")
  return found


def tokenize(tokenizer: Tokenizer, steps: Sequence[str]) -> tuple[list[int], list[int]]:
  """Token ids of a response, and for each step the place of its last token.

  The response is one text to the tokenizer, as it is to a model that writes it: what a
  step ends with may share a token with what follows, and belongs to that token then.
  """
  ids = tokenizer.encode("".join(steps))
  parts = pieces(tokenizer, ids)
  if "".join(parts) == "".join(steps):
    ends = iter(_running(len(part) for part in parts))
    places, place, seen = [], -1, 0
    for end in _running(len(step) for step in steps):
      while seen < end:
        seen, place = next(ends), place + 1
      places.append(place)
    return ids, places
  # A tokenizer that does not give a text back as it was: step by step.
  each = [tokenizer.encode(step) for step in steps]
  return [*itertools.chain(*each)], [
    end - 1 for end in _running(len(one) for one in each)
  ]


def _running(lengths: Any) -> list[int]:
  total, sums = 0, []
  for length in lengths:
    total += length
    sums.append(total)
  return sums
