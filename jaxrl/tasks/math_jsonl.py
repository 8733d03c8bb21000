"""Word problems from GSM8K-format JSONL files, graded by math-verify.

Format: one object a line, `{"question": ..., "answer": "<solution>\\n#### 42"}`.
GSM8K: Cobbe et al., https://arxiv.org/abs/2110.14168.
"""

import functools
import json
import logging
import re
from typing import Literal

from jaxrl.errors import UserError
from jaxrl.prm.checkers import equations
from jaxrl.problems import (
  Problem,
  Task,
  Verdict,
  chat,
  problem_id,
  read_jsonl,
  split_by_question,
)

INSTRUCTION = "Reason step by step, and put your final answer within \\boxed{}."
_NUMBER = r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?|[-+]?\.\d+"
_FORMS = (r"####[ \t]*(.+)", r"(?i)\banswer(?:\s+is\b|\s*:)[ \t:]*(.+)")
_ANSWER_CHARACTERS_MAX = 300  # longer ones are no final answer, and slow to parse
_log = logging.getLogger(__name__)


def math_jsonl(
  *,
  train_path: str,
  test_path: str | None = None,
  test_fraction: float = 0.1,
  on_bad_line: Literal["error", "skip"] = "error",
  instruction: str = INSTRUCTION,
  system: str = "",
  check_equations: bool = False,
) -> Task:
  """Problems of one or two JSONL files.

  Args:
    train_path: JSONL file.
    test_path: JSONL file; without one, `test_fraction` of the questions of train_path.
    test_fraction: used without a test_path only.
    on_bad_line: "skip" goes on without lines that are no problem, and logs how many.
    instruction: after the question; asks for the form that `verify` reads.
    system: the system turn, if any.
    check_equations: whether the equations of a step say if it is right, where
      labelling asks (`prm/checkers/equations`).
  """
  train, test = read_splits(train_path, test_path, test_fraction, on_bad_line)
  ask = functools.partial(messages, instruction=instruction, system=system)
  checker = equations.check_equations if check_equations else None
  return Task("math_jsonl", train, test, verify, ask, check_steps=checker)


def messages(
  problem: Problem, *, instruction: str, system: str
) -> list[dict[str, str]]:
  """The question, then how to answer."""
  return chat(f"{problem.question}\n\n{instruction}".strip(), system)


def read_splits(
  train_path: str,
  test_path: str | None,
  test_fraction: float,
  on_bad_line: Literal["error", "skip"],
) -> tuple[list[Problem], list[Problem]]:
  """(train, test); questions of a test file are taken out of the training file."""
  train = read_problems(train_path, on_bad_line)
  if test_path is None:
    return split_by_question(train, test_fraction)
  test = read_problems(test_path, on_bad_line)
  held_out = {problem.question for problem in test}
  train = [problem for problem in train if problem.question not in held_out]
  for path, side in ((train_path, train), (test_path, test)):
    if not side:
      raise UserError(f"{path}: no problem in it (that is not in the other file too)")
  return train, test


def read_problems(path: str, on_bad_line: Literal["error", "skip"]) -> list[Problem]:
  """The problems of a file, each question once; UserError names a bad line's number."""
  return read_jsonl(
    path, _parse, form="of questions and answers", on_bad_line=on_bad_line
  )


def _parse(raw: bytes) -> Problem:
  """ValueError says what is wrong with the line."""
  line = raw.decode(errors="surrogateescape").strip()
  if not line:
    raise ValueError("an empty line")
  try:
    line.encode()
    record = json.loads(line)
  except UnicodeEncodeError:
    raise ValueError("no UTF-8") from None
  except (ValueError, RecursionError):
    raise ValueError("no JSON object") from None
  if not isinstance(record, dict):
    raise ValueError("no JSON object")
  for name in ("question", "answer"):
    if not isinstance(record.get(name), str) or not record[name].strip():
      raise ValueError(f"no text under {name!r}")
  question = record["question"].strip()
  try:
    (question + record["answer"]).encode()
  except UnicodeEncodeError:
    raise ValueError("half a surrogate pair in its text") from None
  solution, mark, gold = record["answer"].rpartition("####")
  gold = gold.strip().replace(",", "").removeprefix("$")
  if not mark or not gold:
    raise ValueError("no final answer after '####' under 'answer'")
  data = {"solution": solution.strip()}
  identifier = problem_id("math_jsonl", question)
  return Problem(identifier, "math_jsonl", question, gold, data)


def extract(response: str) -> tuple[str, bool] | None:
  """The final answer and whether it was boxed; None where the form was not kept.

  The last \\boxed{}; without one the last "#### ..."; or "The answer is ...".
  """
  if "\\boxed{" in response:
    boxed = last_boxed(response)
    return None if boxed is None else (boxed, True)
  for form in _FORMS:
    found = re.findall(form, response)
    if found:
      answer = found[-1].strip().rstrip(".")
      return (answer, False) if 0 < len(answer) <= _ANSWER_CHARACTERS_MAX else None
  return None


def last_boxed(response: str) -> str | None:
  """What stands in the last \\boxed{}; None without one that closes and holds text."""
  _, mark, rest = response.rpartition("\\boxed{")
  depth = 1
  for index, character in enumerate(rest[:_ANSWER_CHARACTERS_MAX]):
    depth += {"{": 1, "}": -1}.get(character, 0)
    if depth == 0:
      return (mark and rest[:index].strip()) or None
  return None


def verify(problem: Problem, response: str) -> Verdict:
  """1.0 where math-verify finds the extracted answer equal to the gold one.

  Without its time limits: those would turn a hang into "wrong", and the pool's clock
  stands over all. Where the gold answer is a number, a list of guesses (`#### 41 42`)
  and an equation between numbers (`\\boxed{41 = 42}`) are wrong: math-verify takes the
  part that fits.
  """
  extracted = extract(response)
  if extracted is None:
    return Verdict(0.0, formatted=False)
  answer, boxed = extracted
  numeric = re.fullmatch(_NUMBER, problem.answer) is not None
  if numeric and not _is_one_answer(answer, boxed):
    return Verdict(0.0, formatted=True, answer=answer)
  import math_verify

  def parsed(text: str) -> list:
    return math_verify.parse(text, parsing_timeout=None)

  gold = parsed(f"\\boxed{{{problem.answer}}}")
  if not gold:
    raise ValueError(f"math-verify cannot read the gold answer {problem.answer!r}")
  if boxed:
    answer = re.sub(r"(?<=\d)(?:,|\{,\})(?=\d{3}(?!\d))", "", answer)  # 4,200
  target = parsed(f"\\boxed{{{answer}}}" if boxed else answer)
  right = bool(target) and math_verify.verify(gold, target, timeout_seconds=None)
  return Verdict(float(right), formatted=True, answer=answer)


def _is_one_answer(answer: str, boxed: bool) -> bool:
  if boxed:
    left = answer.rpartition("=")[0]
    return not re.search(r"\d", left) and "," not in re.sub(r",(?=\d{3})", "", answer)
  return len(re.findall(_NUMBER, answer)) == 1


def warm_up() -> None:
  """Called in a fresh worker: the first LaTeX parse builds the grammar, 0.1 s."""
  logging.getLogger("math_verify").setLevel(logging.ERROR)
  problem = Problem("", "", "", "1/2", {})
  assert verify(problem, r"\boxed{\frac{1}{2}}").score == 1
