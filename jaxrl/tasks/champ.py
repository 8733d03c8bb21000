"""Competition problems with hints: CHAMP, Mao et al., https://arxiv.org/abs/2401.06961.

270 problems, as the package `champ-dataset` ships them. Most gold answers are formulas
in prose ("C(10, 5), or equivalently 252"), which no parser reads: only the 79 that are
integers are graded; on the others the verifier says that it cannot score.
"""

import functools
import re

from jaxrl.prm.checkers import equations
from jaxrl.problems import Problem, Task, Verdict, chat, problem_id, split_by_question
from jaxrl.tasks import math_jsonl


def champ(
  *,
  integers_only: bool = True,
  with_hints: bool = False,
  test_fraction: float = 0.2,
  instruction: str = math_jsonl.INSTRUCTION,
  system: str = "",
  check_equations: bool = False,
) -> Task:
  """The problems of CHAMP.

  Args:
    integers_only: only those whose answer can be graded; the others are for methods
      that need no verdict (process labels, hints, distillation).
    with_hints: shows the human hints below the question.
    test_fraction: of the questions.
    instruction: after the question; asks for the form that the verifier reads.
    system: the system turn, if any.
    check_equations: whether the equations of a step say if it is right, where
      labelling asks (`prm/checkers/equations`).
  """
  import champ_dataset

  dataset = champ_dataset.load("v0")
  problems = []
  for entry in dataset.problems.values():
    gold = entry.answer.strip()
    is_integer = re.fullmatch(r"-?\d+", gold) is not None
    if integers_only and not is_integer:
      continue
    source = f"champ/{entry.category}"
    hints = (dataset.hints.get(_name(hint)) for hint in entry.ch_list)
    problems.append(
      Problem(
        id=problem_id("champ", entry.text),
        source=source,
        question=entry.text,
        answer=gold,
        data={
          "identifier": entry.identifier,
          "gradable": is_integer,
          "steps": [step.text for step in entry.solution.steps],
        },
        hints=tuple(hint.text for hint in hints if hint is not None),
      )
    )
  train, test = split_by_question(problems, test_fraction)
  ask = functools.partial(
    messages, with_hints=with_hints, instruction=instruction, system=system
  )
  checker = equations.check_equations if check_equations else None
  return Task("champ", train, test, verify, ask, check_steps=checker)


def _name(hint: object) -> str:
  return hint if isinstance(hint, str) else getattr(hint, "identifier", "")


def messages(
  problem: Problem, *, with_hints: bool, instruction: str, system: str
) -> list[dict[str, str]]:
  """The question, its hints where asked for, then how to answer."""
  parts = [problem.question]
  if with_hints and problem.hints:
    parts.append("Hints:\n" + "\n".join(f"- {hint}" for hint in problem.hints))
  return chat("\n\n".join([*parts, instruction]).strip(), system)


def verify(problem: Problem, response: str) -> Verdict:
  """As `math_jsonl.verify`; ValueError where the gold answer is a formula in prose."""
  if not problem.data["gradable"]:
    raise ValueError(f"no parser reads the gold answer {problem.answer!r}")
  return math_jsonl.verify(problem, response)


warm_up = math_jsonl.warm_up
