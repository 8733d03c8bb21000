"""Checklists and judgements of steps by them, from JSONL: what Web-Shepherd trains on.
Chae et al., https://arxiv.org/abs/2505.15277.

A line is one step of somebody who carries out an instruction:

  {"instruction": "…", "checklist": ["…", "…"], "before": ["…"], "now": "…",
   "feedback": "…", "verdicts": ["yes", "in progress"]}

It is a problem whose solution is the feedback and the verdicts; each instruction is one
more, whose solution is its checklist. With `explore` demonstrations and the loss `sft`
that is the paper's training: the next token of all three.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

from jaxrl.prm import checklist
from jaxrl.problems import (
  Problem,
  Task,
  Verdict,
  chat,
  problem_id,
  read_jsonl,
  split_by_question,
)

_WORDS = {"yes": "Yes", "in progress": "In Progress", "no": "No"}


def checklists(
  *,
  path: str,
  test_fraction: float = 0.1,
  on_bad_line: Literal["error", "skip"] = "error",
  system: str = "",
) -> Task:
  """Judgements of steps, and the checklists that they go by.

  Args:
    path: a JSONL file.
    test_fraction: of the instructions.
    on_bad_line: "skip" goes on without lines that are none, and logs how many.
    system: the system turn, if any.

  Raises:
    UserError: no file, or a bad line, by its number.
  """
  form = "of judged steps, as jaxrl/tasks/checklists.py says"
  judged = read_jsonl(path, from_line, form=form, on_bad_line=on_bad_line)
  listed = {problem.id: problem for problem in map(_listed, judged)}
  train, test = split_by_question(
    [*listed.values(), *judged],
    test_fraction,
    key=lambda problem: str(problem.data["instruction"]),
  )
  return Task("checklists", train, test, verify, lambda p: chat(p.question, system))


def from_line(line: bytes) -> Problem:
  """A judged step; ValueError says what is wrong with the line."""
  try:
    record = json.loads(line.decode())
  except ValueError:
    raise ValueError("no JSON object") from None
  if not isinstance(record, dict):
    raise ValueError("no JSON object")
  for name in ("instruction", "now", "feedback"):
    if not isinstance(record.get(name), str) or not record[name].strip():
      raise ValueError(f"no text under {name!r}")
  items, verdicts = _texts(record, "checklist"), _texts(record, "verdicts")
  if not items or len(items) != len(verdicts) or not set(verdicts) <= set(_WORDS):
    raise ValueError(
      f"{len(verdicts)} verdicts for {len(items)} items: one of yes, in progress and "
      "no for each is needed"
    )
  instruction, feedback = record["instruction"], record["feedback"].strip()
  question = checklist.judge_prompt(
    instruction, items, _texts(record, "before"), record["now"]
  )
  said = [f"{k}: {_WORDS[verdict]}" for k, verdict in enumerate(verdicts, start=1)]
  return Problem(
    id=problem_id("checklists", question),
    source="judgement",
    question=question,
    answer=", ".join(verdicts),
    data={
      "instruction": instruction,
      "checklist": items,
      "solution": "\n".join((feedback, *said)),
    },
  )


def _texts(record: Mapping[str, Any], name: str) -> list[str]:
  found = record.get(name, [])
  if not isinstance(found, list) or not all(isinstance(x, str) for x in found):
    raise ValueError(f"{name!r} is no list of texts")
  return found


def _listed(judged: Problem) -> Problem:
  """The instruction of a judged step, whose solution is its checklist."""
  instruction, items = judged.data["instruction"], judged.data["checklist"]
  question = checklist.list_prompt(instruction)
  lines = [f"{k}: {item}" for k, item in enumerate(items, start=1)]
  return Problem(
    id=problem_id("checklists", question),
    source="list",
    question=question,
    answer=str(len(items)),
    data={
      "instruction": instruction,
      "checklist": items,
      "solution": "\n".join(lines),
    },
  )


def verify(problem: Problem, response: str) -> Verdict:
  """The share of verdicts that are right; of a checklist, whether it is as long."""
  if problem.source == "list":
    found = checklist.items_of(response)
    right = float(str(len(found)) == problem.answer)
    return Verdict(right, formatted=bool(found), answer=str(len(found)))
  expected = problem.answer.split(", ")
  said = checklist.verdict_words(response, len(expected))
  right = sum(said.get(k) == word for k, word in enumerate(expected, start=1))
  given = ", ".join(said.get(k, "?") for k in range(1, len(expected) + 1))
  whole = len(said) == len(expected)
  return Verdict(right / len(expected), formatted=whole, answer=given)
