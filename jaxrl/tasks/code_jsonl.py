"""Programming problems with unit tests, from JSONL files as of MBPP or HumanEval.

MBPP: `{"text": ..., "code": ..., "test_list": ["assert f(1) == 2", ...]}`, or with
"prompt" for "text" as in its sanitized half; "test_setup_code" and "test_imports" may
be there. Austin et al., https://arxiv.org/abs/2108.07732.
HumanEval: `{"prompt": ..., "canonical_solution": ..., "test": ..., "entry_point": ..}`;
its `check` is one test. Chen et al., https://arxiv.org/abs/2107.03374.

The program runs in a process that sees neither tests nor expected values, see
`sandbox_program`. What it cannot do, some honest programs want: tests compare plain
values alone (an object of the program's own class equals nothing else, though its parts
can be looked at), arguments are copies, and there are no files, sockets or processes.
Runs on Linux.
"""

import ast
import builtins
import contextlib
import functools
import importlib
import json
import logging
import sys
from typing import Any, Literal

from jaxrl.errors import UserError
from jaxrl.problems import (
  Problem,
  Task,
  Verdict,
  chat,
  problem_id,
  read_jsonl,
  split_by_question,
)
from jaxrl.sandbox_program import Program, ProgramEnded, ProgramError

RUNS_PROGRAMS = True  # `sandbox_worker` starts a process for each
INSTRUCTION = "Write the solution in Python, in one ```python block."
_log = logging.getLogger(__name__)


def code_jsonl(
  *,
  train_path: str,
  test_path: str | None = None,
  test_fraction: float = 0.1,
  on_bad_line: Literal["error", "skip"] = "error",
  tests_shown: int = 1,
  partial: bool = False,
  timeout_seconds: float = 3.0,
  system: str = "",
) -> Task:
  """Problems of one or two JSONL files.

  Args:
    train_path: JSONL file.
    test_path: JSONL file; without one, `test_fraction` of the questions of train_path.
    test_fraction: used without a test_path only.
    on_bad_line: "skip" goes on without lines that are no problem, and logs how many.
    tests_shown: MBPP's texts do not name the function: so many of its tests are shown.
      The MBPP paper shows all three; a program may then list their answers.
    partial: the score is the share of tests passed, and not 1 for all and else 0.
    timeout_seconds: for a program and all its tests, after which those left have
      failed; below `verify.timeout_seconds`.
    system: the system turn, if any.
  """
  train = read_problems(train_path, on_bad_line)
  if test_path is None:
    train, test = split_by_question(train, test_fraction)
  else:
    test = read_problems(test_path, on_bad_line)
    held_out = {problem.question for problem in test}
    train = [problem for problem in train if problem.question not in held_out]
  for path, side in ((train_path, train), (test_path or train_path, test)):
    if not side:
      raise UserError(f"{path}: no problem in it (that is not in the other file too)")
  score = functools.partial(verify, partial=partial, timeout_seconds=timeout_seconds)
  ask = functools.partial(messages, tests_shown=tests_shown, system=system)
  return Task("code_jsonl", train, test, score, ask)


def messages(
  problem: Problem, *, tests_shown: int, system: str
) -> list[dict[str, str]]:
  """The question, some tests, then how to answer."""
  shown = "\n".join(problem.data["shown"][:tests_shown])
  tests = f"Your code must pass tests such as:\n\n{shown}" if shown else ""
  parts = (problem.question, tests, INSTRUCTION)
  return chat("\n\n".join(part for part in parts if part), system)


def read_problems(path: str, on_bad_line: Literal["error", "skip"]) -> list[Problem]:
  """The problems of a file, each question once; UserError names a bad line's number."""
  return read_jsonl(
    path, _parse, form="in the form of MBPP or HumanEval", on_bad_line=on_bad_line
  )


def _parse(line: bytes) -> Problem:
  """ValueError says what is wrong with the line."""
  try:
    record = json.loads(line)
  except ValueError:
    raise ValueError("no JSON object") from None
  if not isinstance(record, dict):
    raise ValueError("no JSON object")
  if "entry_point" in record:
    entry, preamble = _text(record, "entry_point"), _text(record, "prompt")
    question = f"Complete this function:\n\n```python\n{preamble.strip()}\n```"
    tests = [f"{_text(record, 'test')}\ncheck({entry})\n"]
    setup, shown = "", []
    gold = preamble + str(record.get("canonical_solution") or "")
  else:
    question = _text(record, "text" if "text" in record else "prompt").strip()
    entry, preamble = "", "\n".join(_lines(record, "test_imports"))
    tests = shown = _lines(record, "test_list")
    setup = str(record.get("test_setup_code") or "")
    gold = str(record.get("code") or "")
  if not tests:
    raise ValueError("no test under 'test_list'")
  for source in (preamble, setup, *tests):
    try:
      ast.parse(source)
    except SyntaxError as error:
      raise ValueError(f"a test is no Python: {error.msg}") from None
  data = {
    "task": str(record.get("task_id", "")),
    "entry": entry,  # HumanEval's function, which its preamble only declares
    "preamble": preamble,  # before the program and before the tests
    "setup": setup,  # before the tests, with the program's names
    "tests": tests,
    "shown": shown,  # those that a prompt may show
  }
  identifier = problem_id("code_jsonl", question)
  return Problem(identifier, "code_jsonl", question, gold, data)


def _lines(record: dict[str, Any], name: str) -> list[str]:
  value = record.get(name) or []
  if not isinstance(value, list) or not all(isinstance(x, str) for x in value):
    raise ValueError(f"no list of texts under {name!r}")
  return value


def _text(record: dict[str, Any], name: str) -> str:
  value = record.get(name)
  if not isinstance(value, str) or not value.strip():
    raise ValueError(f"no text under {name!r}")
  return value


def last_block(response: str) -> str | None:
  """What stands in the last closed ``` block of Python; None without one."""
  found: str | None = None
  language: str | None = None
  lines: list[str] = []
  for line in response.splitlines():
    fence = line.strip().startswith("```")
    if fence and language is None:
      language, lines = line.strip().removeprefix("```").strip().lower(), []
    elif fence:
      if language in ("", "python", "python3", "py"):
        found = "\n".join(lines) + "\n"
      language = None
    else:
      lines.append(line)
  return found


def verify(
  problem: Problem, response: str, *, partial: bool, timeout_seconds: float
) -> Verdict:
  """Runs the last code block, then each test against it."""
  code = last_block(response)
  program = Program(
    timeout_seconds
  )  # also without code: a bad time limit shows at once
  if code is None:
    return Verdict(0.0, formatted=False)
  tests = problem.data["tests"]
  passed = _passed(program, problem.data, code)
  score = passed / len(tests) if partial else float(passed == len(tests))
  return Verdict(score, formatted=True)


def _passed(program: Program, data: Any, code: str) -> int:
  """How many tests pass. What the data does wrong on its own is an error."""
  names: dict[str, Any] = {"__name__": "tests"}
  exec(data["preamble"], names)
  passed = 0
  try:
    try:
      program.ask("run", f"{data['preamble']}\n{code}")
      _look_up(program, data, names)
      exec(data["setup"], names)
    except Exception:  # no test can pass without the setup
      return 0
    for test in data["tests"]:
      try:
        exec(test, names)
        passed += 1
      except Exception:  # AssertionError, and what the program's answers lead to
        continue
  except ProgramEnded:
    pass
  return passed


def _look_up(program: Program, data: Any, names: dict[str, Any]) -> None:
  """Adds what the tests name: modules, and what the program defines."""
  names.pop(data["entry"], None)
  trees = [ast.parse(source) for source in (data["setup"], *data["tests"])]
  nodes = [node for tree in trees for node in ast.walk(tree)]
  for node in nodes:
    # Tests say math.isclose without an import; the program's `math` may be its own.
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
      name = node.value.id
      if name in sys.stdlib_module_names and name not in names:
        names[name] = importlib.import_module(name)
  for name in sorted({node.id for node in nodes if isinstance(node, ast.Name)}):
    if name not in names and not hasattr(builtins, name):
      with contextlib.suppress(ProgramError):  # a wrong program may lack it
        names[name] = program.ask("name", name)
