"""What a task is made of: problems, the verifier that scores an answer, the chat.

Nothing here imports jax: the worker processes that run verifiers read this file.
"""

import collections
import dataclasses
import functools
import hashlib
import json
import logging
import os
import pathlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from jaxrl.errors import UserError

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Problem:
  """One question with what its verifier needs."""

  id: str  # `problem_id(source, question)`
  source: str  # the part of a mix it comes from
  question: str
  answer: str  # the gold answer; "" where the source has none that is known to score
  data: Mapping[str, Any]  # plain values only: it must survive `to_json`
  hints: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Verdict:
  """What a verifier says of one response."""

  score: float  # 0..1
  formatted: bool  # the answer was given in the asked form
  answer: str | None = None  # what was read as the answer: majority votes count it


@runtime_checkable
class Verifier(Protocol):
  """A module-level function, or a `functools.partial` of one with plain keywords.

  It may raise, hang or crash: `sandbox.VerifierPool` runs it in other processes. What
  it keeps from one response is gone at the next, as each is scored in a fork of a
  worker; what takes long to load belongs at the top of its file, or in a function
  `warm_up()` there, which is called once.
  """

  def __call__(self, problem: Problem, response: str) -> Verdict: ...


@dataclasses.dataclass(frozen=True)
class Task:
  """Problems to train and test on, how to ask them and how to score the answers."""

  name: str
  train: Sequence[Problem]
  test: Sequence[Problem]
  verify: Verifier
  messages: Callable[[Problem], list[dict[str, str]]]  # the chat: [system,] user
  weights: Mapping[str, float] | None = None  # source -> share of a mix; they sum to 1
  # The texts of a response's steps -> 1. right, 0. wrong, NaN where it cannot say: an
  # exact checker, where a task has one. It reads text and never runs it.
  check_steps: Callable[[Problem, Sequence[str]], list[float]] | None = None


@dataclasses.dataclass(frozen=True)
class Reference:
  """Where a worker finds a function: an importable module, or else a file."""

  module: str
  file: str | None
  qualname: str
  keywords: Mapping[str, Any]

  @classmethod
  def of(cls, verify: Callable) -> "Reference":
    """UserError where another process cannot find the same function."""
    keywords: dict[str, Any] = {}
    named = getattr(verify, "__qualname__", repr(verify))
    while isinstance(verify, functools.partial):
      if verify.args:
        raise UserError(f"{verify.func}: give partial() keywords only")
      keywords = {**verify.keywords, **keywords}
      verify = verify.func
      named = getattr(verify, "__qualname__", repr(verify))
    try:
      plain = from_json(to_json(keywords)) == keywords
    except (TypeError, ValueError):
      plain = False
    if not plain:
      raise UserError(f"{named}: its partial() keywords must be plain values")
    bound = getattr(verify, "__self__", None) is not None
    module = sys.modules.get(getattr(verify, "__module__", None) or "")
    if module is None or "<" in named or bound or not hasattr(verify, "__qualname__"):
      raise UserError(
        f"{named}: worker processes, which score texts, cannot import it; "
        "make it a function (no lambda) at the top level of its file"
      )
    file = getattr(module, "__file__", None)
    file = None if _importable(module.__name__, file) else os.path.abspath(file or "")
    return cls(module.__name__, file, named, keywords)


def _importable(name: str, file: str | None) -> bool:
  """Whether `import name` in a fresh process gives this very file."""
  if file is None or name == "__main__":
    return file is None
  if "." in name:  # its package was imported by name
    return True
  for finder in sys.meta_path:
    spec = finder.find_spec(name, None)
    if spec is not None:
      return os.path.realpath(spec.origin or "") == os.path.realpath(file)
  return False


def with_data(problem: Problem, **more: Any) -> Problem:
  """The problem with more under `data`."""
  return dataclasses.replace(problem, data={**problem.data, **more})


def problem_id(source: str, question: str) -> str:
  """A stable name of a question: the same in every process, run and version."""
  return hashlib.sha256(f"{source}\0{question}".encode(errors="replace")).hexdigest()[
    :16
  ]


def in_test(key: str, test_fraction: float) -> bool:
  """Whether a question is held out: a function of its text and of nothing else."""
  digest = hashlib.sha256(key.encode(errors="replace")).digest()
  return int.from_bytes(digest[:8], "big") < test_fraction * 2**64


def split_by_question(
  problems: Iterable[Problem],
  test_fraction: float,
  key: Callable[[Problem], str] = lambda problem: problem.question,
) -> tuple[list[Problem], list[Problem]]:
  """(train, test), each question once, in the order of first appearance.

  The side is decided by a hash of `key(problem)`, so that no test question is ever
  trained on whatever the seed, the number of draws or their order: draws of another
  seed repeat the same questions, and are no test set. `key` names what makes two
  wordings the same question.
  """
  unique: dict[str, Problem] = {}
  for problem in problems:
    unique.setdefault(problem.question, problem)
  return divide(unique.values(), test_fraction, key)


def divide(
  problems: Iterable[Problem],
  test_fraction: float,
  key: Callable[[Problem], str] = lambda problem: problem.question,
) -> tuple[list[Problem], list[Problem]]:
  """(train, test) as `split_by_question`, of all problems: a question may come again.

  Such are those asked in another way, or with other solutions. UserError where a side
  is empty.
  """
  if not 0 < test_fraction < 1:
    raise UserError(f"test_fraction is {test_fraction}: give a number between 0 and 1")
  train: list[Problem] = []
  test: list[Problem] = []
  for problem in problems:
    (test if in_test(key(problem), test_fraction) else train).append(problem)
  for name, side in (("training", train), ("test", test)):
    if not side:
      count = len({problem.question for problem in (*train, *test)})
      raise UserError(
        f"the {name} split is empty: {count} distinct questions with "
        f"test_fraction {test_fraction}; give more problems or another fraction"
      )
  return train, test


def by_source(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
  """The problems of each source, for sampling a mix by `Task.weights`."""
  groups: dict[str, list[Problem]] = collections.defaultdict(list)
  for problem in problems:
    groups[problem.source].append(problem)
  return dict(groups)


def chat(text: str, system: str = "") -> list[dict[str, str]]:
  """One user turn, after a system turn where there is one."""
  turns = [{"role": "system", "content": system}] if system else []
  return [*turns, {"role": "user", "content": text}]


def to_json(value: Any) -> str:
  """JSON that keeps tuples and keys that are no strings; TypeError on other objects.

  Scorers compare with `==`, and to them `[1, 2]` is not `(1, 2)`: plain JSON would
  turn right answers of reasoning-gym's `arc_agi` and `rearc` into wrong ones.
  """
  return json.dumps(_tag(value))


def read_jsonl(
  path: str,
  parse: Callable[[bytes], Problem],
  *,
  form: str,
  on_bad_line: Literal["error", "skip"],
) -> list[Problem]:
  """The problems of a file, each question once.

  Args:
    path: of a file with one JSON object a line.
    parse: a line's problem; its ValueError says what is wrong with the line.
    form: what the file should hold, for the error that there is none.
    on_bad_line: whether a bad line is an error, or counted and left out.

  Raises:
    UserError: there is no such file, or a bad line, by its number.
  """
  if not pathlib.Path(path).is_file():
    raise UserError(f"no file {path}: give a JSONL file {form}")
  problems: dict[str, Problem] = {}
  bad = []
  with open(path, "rb") as file:  # a bad byte is then the error of its line
    for number, line in enumerate(file, start=1):
      try:
        problem = parse(line)
      except (ValueError, RecursionError) as error:
        if on_bad_line == "error":
          raise UserError(
            f"{path}:{number}: {error}; mend the line or set on_bad_line=skip"
          ) from None
        bad.append(number)
        continue
      problems.setdefault(problem.question, problem)
  if bad:
    _log.warning("%s: skipped %d bad lines, the first is %d", path, len(bad), bad[0])
  return list(problems.values())


def from_json(text: str | bytes) -> Any:
  """The value that `to_json` was given."""
  return _untag(json.loads(text))


def _tag(value: Any) -> Any:
  if isinstance(value, tuple):
    return {"__tuple__": [_tag(item) for item in value]}
  if isinstance(value, list):
    return [_tag(item) for item in value]
  if isinstance(value, Mapping):
    plain = all(isinstance(key, str) and key[:2] != "__" for key in value)
    if plain:
      return {key: _tag(item) for key, item in value.items()}
    return {"__dict__": [[_tag(key), _tag(item)] for key, item in value.items()]}
  return value


def _untag(value: Any) -> Any:
  if isinstance(value, list):
    return [_untag(item) for item in value]
  if isinstance(value, dict):
    if "__tuple__" in value:
      return tuple(_untag(item) for item in value["__tuple__"])
    if "__dict__" in value:
      return {_untag(key): _untag(item) for key, item in value["__dict__"]}
    return {key: _untag(item) for key, item in value.items()}
  return value
