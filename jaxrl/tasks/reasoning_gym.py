"""Procedural problems of reasoning-gym, a task or a weighted mix of them.

Stojanovski et al., "Reasoning Gym", https://arxiv.org/abs/2505.24760. Differences from
using it directly:
- Success is a score of `success_threshold` or more. Several tasks give every text a
  little (0.01 to 0.2), which would be signal about nothing.
- The problems are drawn in a child process with a fixed hash seed. Five tasks (among
  them `word_ladder` and `ransom_note`) draw other problems in every process although
  their seed is the same, so neither a resumed run nor a second host would have them.
  For the same reason a worker scores the entry that was drawn, and draws none itself.
- Sides are split by question. Draws of another seed repeat the questions.
"""

import ast
import dataclasses
import functools
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

from jaxrl.errors import UserError, near_match
from jaxrl.prm.checkers import equations
from jaxrl.problems import (
  Problem,
  Task,
  Verdict,
  chat,
  from_json,
  problem_id,
  split_by_question,
  to_json,
)

AnswerForm = Literal["plain", "ending", "tags", "boxed"]
_INSTRUCTIONS = {
  "ending": "End with the final answer.",
  "tags": "Give the final answer inside <answer></answer> tags.",
  "boxed": "Give the final answer inside \\boxed{}.",
}
_NUMBER = r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_WORDS = {"true", "false", "yes", "no"}


def reasoning_gym(
  *,
  mix: tuple[str, ...] = (
    "chain_sum(min_terms=2, max_terms=2, min_digits=1, max_digits=1)",
  ),
  weights: tuple[float, ...] = (),
  draws: int = 1000,
  seed: int = 0,
  test_fraction: float = 0.25,
  answer_form: AnswerForm = "plain",
  success_threshold: float = 0.99,
  instruction: str | None = None,
  system: str = "",
  check_equations: bool = False,
) -> Task:
  """Problems drawn from reasoning-gym, each question once.

  Args:
    mix: tasks as calls: "gcd" or "gcd(max_numbers=3, max_value=20)".
    weights: how often the loop asks each of them, any scale; empty for equally often.
    draws: per task; repeated questions are dropped.
    seed: of the draws; it does not decide the split.
    test_fraction: of the distinct questions.
    answer_form: "plain": the response is the answer and nothing else; "ending": its
      last word is the answer where that is a number, else its last line; "tags": the
      last <answer>...</answer>; "boxed": the last \\boxed{...}.
    success_threshold: on reasoning-gym's score in 0..1.
    instruction: after the question; None asks for the answer form, "" adds nothing.
    system: the system turn; "" leaves the chat template's own.
    check_equations: whether the equations of a step say if it is right, where
      labelling asks (`prm/checkers/equations`).
  """
  if draws < 1 or not mix:
    raise UserError(f"reasoning_gym: draws={draws}, mix={mix}: give at least one")
  if weights and (len(weights) != len(mix) or min(weights) <= 0):
    raise UserError(f"reasoning_gym: weights {weights}: one above 0 for each of {mix}")
  specs = [_parse_spec(text) for text in mix]
  problems = _draw(specs, draws, seed, success_threshold)
  train, test = split_by_question(problems, test_fraction, _split_key)
  shares = weights or (1.0,) * len(mix)
  names = _source_names(specs)
  return Task(
    name="reasoning_gym",
    train=train,
    test=test,
    verify=functools.partial(
      verify, answer_form=answer_form, success_threshold=success_threshold
    ),
    messages=functools.partial(
      messages, answer_form=answer_form, instruction=instruction, system=system
    ),
    weights={n: w / sum(shares) for n, w in zip(names, shares, strict=True)},
    check_steps=equations.check_equations if check_equations else None,
  )


def messages(
  problem: Problem, *, answer_form: AnswerForm, instruction: str | None, system: str
) -> list[dict[str, str]]:
  """The question, then how to answer."""
  if instruction is None:
    numeric = _is_number(problem.data["entry"]["answer"])
    plain = f"Answer with the {'number' if numeric else 'final answer'} only."
    instruction = _INSTRUCTIONS.get(answer_form, plain)
  return chat(f"{problem.question}\n{instruction}".strip(), system)


def _parse_spec(text: str) -> tuple[str, dict[str, Any]]:
  """(name, parameters) of "name" or "name(key=value, ...)" with literal values."""
  try:
    node = ast.parse(text.strip(), mode="eval").body
    if isinstance(node, ast.Name):
      return node.id, {}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args:
      values = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
      return node.func.id, values
  except (SyntaxError, ValueError):
    pass
  raise UserError(
    f"reasoning_gym mix {text!r}: write it as 'gcd' or 'gcd(max_value=20)'"
  )


def _source_names(specs: list[tuple[str, dict[str, Any]]]) -> list[str]:
  """The tasks' names; a second one with other parameters is `name#2`."""
  names = [name for name, _ in specs]
  counts = [names[: i + 1].count(name) for i, name in enumerate(names)]
  return [n if c == 1 else f"{n}#{c}" for n, c in zip(names, counts, strict=True)]


def _split_key(problem: Problem) -> str:
  """The bare expression where there is one: it is asked in several wordings."""
  metadata = problem.data["entry"]["metadata"]
  return str(metadata.get("expression", problem.question))


def _draw(
  specs: list[tuple[str, dict[str, Any]]], draws: int, seed: int, threshold: float
) -> list[Problem]:
  from jaxrl.sandbox import python_command, python_environment

  code = "from jaxrl.tasks.reasoning_gym import _draw_main; _draw_main()"
  request = to_json(
    {"specs": specs, "draws": draws, "seed": seed, "threshold": threshold}
  )
  with tempfile.TemporaryDirectory(prefix="jaxrl-draw-") as home:
    child = subprocess.run(
      python_command(code),
      input=request.encode(),
      capture_output=True,
      env=python_environment(home),
    )
  if child.returncode:
    last = (child.stderr.decode(errors="replace").strip().splitlines() or [""])[-1]
    raise UserError(f"reasoning_gym: drawing problems failed: {last}")
  reply = from_json(child.stdout)
  if "error" in reply:
    raise UserError(f"reasoning_gym: {reply['error']}")
  problems = []
  names = _source_names(specs)
  for source, spec, entries in zip(names, specs, reply["entries"], strict=True):
    for entry, answer in entries:
      question = entry["question"]
      data = {"task": spec[0], "parameters": spec[1], "entry": entry}
      identifier = problem_id(source, question)
      problems.append(Problem(identifier, source, question, answer, data))
  return problems


def _draw_main() -> None:
  """The child's side of `_draw`: a request on stdin, entries of each task on stdout."""
  request = from_json(sys.stdin.buffer.read())
  out, sys.stdout = sys.stdout, sys.stderr
  reply: dict[str, Any]
  try:
    reply = {
      "entries": [
        _entries(
          name, parameters, request["draws"], request["seed"], request["threshold"]
        )
        for name, parameters in request["specs"]
      ]
    }
  except UserError as error:
    reply = {"error": str(error)}
  out.write(to_json(reply))


def _entries(
  name: str, parameters: Mapping[str, Any], draws: int, seed: int, threshold: float
) -> list[tuple[dict, str]]:
  """Drawn entries, each with its answer, or "" where that does not score."""
  import reasoning_gym as rg
  from reasoning_gym.factory import DATASETS

  if name not in DATASETS or name == "composite":
    raise UserError(
      f"no task {name!r}{near_match(name, set(DATASETS) - {'composite'})}"
    )
  known = {field.name for field in dataclasses.fields(DATASETS[name][1])}
  known -= {"seed", "size"}
  for key in parameters:
    if key not in known:
      raise UserError(f"{name} has no parameter {key!r}{near_match(key, known)}")
  try:
    dataset = rg.create_dataset(name, seed=seed, size=draws, **parameters)
    drawn = [dict(dataset[index]) for index in range(draws)]
  except Exception as error:  # its checks are assertions, others fail while drawing
    message = f"{type(error).__name__}: {error}".split("\n")[0]
    raise UserError(f"{name}({dict(parameters)}): {message}") from None
  if _points(dataset, "banana", drawn[0]) >= threshold:
    raise UserError(f"{name} scores any text as right; leave it out of the mix")
  unique = {entry["question"]: entry for entry in reversed(drawn)}
  entries = []
  for entry in reversed(unique.values()):
    gold = entry["answer"]
    scores = isinstance(gold, str) and _points(dataset, gold, entry) >= threshold
    entries.append((entry, gold if scores else ""))
  return entries


def _points(dataset: Any, answer: str, entry: dict) -> float:
  """reasoning-gym's score; an answer that its scorer cannot read is worth 0.

  `prime_factorization` raises on a word, for one. Whether it is the answer that cannot
  be read or the scorer that is broken shows when it scores its own gold answer.
  """
  try:
    return float(dataset.score_answer(answer=answer, entry=entry))
  except (MemoryError, OSError):
    raise
  except Exception:
    if answer == entry["answer"]:
      raise
    dataset.score_answer(answer=entry["answer"], entry=entry)
    return 0.0


@functools.cache
def _dataset(name: str, parameters: str) -> Any:
  import reasoning_gym as rg

  return rg.create_dataset(name, size=1, seed=0, **from_json(parameters))


def verify(
  problem: Problem, response: str, *, answer_form: AnswerForm, success_threshold: float
) -> Verdict:
  """1.0 for an answer in the asked form that reasoning-gym calls right, else 0.0."""
  entry = problem.data["entry"]
  answer = extract(response, answer_form, entry["answer"])
  if answer is None:
    return Verdict(0.0, formatted=False)
  dataset = _dataset(problem.data["task"], to_json(problem.data["parameters"]))
  points = (
    0.0 if _far_apart(answer, entry["answer"]) else _points(dataset, answer, entry)
  )
  return Verdict(float(points >= success_threshold), formatted=True, answer=answer)


def _far_apart(answer: str, gold: str | None) -> bool:
  """Whether both are numbers and differ by more than any task's rounding.

  `coin_flip` compares digits up to the end of the shorter number: to it, 123457 is 1.
  """
  try:
    one, other = Fraction(answer), Fraction(gold or "")
  except (ValueError, ZeroDivisionError):
    return False
  return 100 * abs(one - other) > max(Fraction(1), abs(other))


def extract(response: str, form: AnswerForm, gold: str | None) -> str | None:
  """The answer as the scorer takes it; None where the response is not of the form."""
  if form == "plain":
    answer: str | None = response.strip()
    if not _is_plain(response.strip(), gold):
      return None
  elif form == "ending":
    ends = response.split() if _is_number(gold) else response.strip().splitlines()
    answer = ends[-1].strip() if ends else None
    if _is_number(gold) and not re.fullmatch(_NUMBER + r"\.?", answer or ""):
      return None
  elif form == "tags":
    found = re.findall(r"<answer>(.*?)</answer>", response, flags=re.DOTALL)
    answer = found[-1].strip() if found else None
  else:
    from jaxrl.tasks.math_jsonl import last_boxed

    answer = last_boxed(response)
  if not answer:
    return None
  if _is_number(gold) and re.fullmatch(_NUMBER + r"\.?", answer):
    answer = answer.removesuffix(".").removeprefix("+").replace(",", "")
  elif gold is not None and not gold.endswith("."):
    answer = answer.removesuffix(".")
  return answer or None


def _is_number(gold: str | None) -> bool:
  return gold is not None and re.fullmatch(_NUMBER, gold) is not None


def _is_plain(response: str, gold: str | None) -> bool:
  """Whether a response is an answer and nothing else, as far as the gold one tells."""
  if _is_number(gold):
    return re.fullmatch(_NUMBER + r"\.?", response) is not None
  if gold is None:
    return bool(response)
  if gold.lower() in _WORDS:
    return response.lower().removesuffix(".") in _WORDS
  lines = len(response.splitlines())
  return 0 < lines <= len(gold.splitlines()) and len(response) <= 2 * len(gold) + 16


def warm_up() -> None:
  """Called in a fresh worker: the import takes a second."""
  import reasoning_gym  # noqa: F401
