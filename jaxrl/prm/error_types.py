"""Texts of PathFinder-PRM's two passes over a step. Pala et al., https://arxiv.org/abs/2505.19706.

Of a step with judged labels A (its mathematics), B (consistency with what stands before
it) and C (it is simple and to the point), each 0 or 1, and O = A B C:

  first pass   ...step  Math reasoning: ?, Consistency:     reads A, and B
  second pass  ...step  Math reasoning: +, Consistency: -, Correctness:     reads O

each behind its colon. A and B are read in one forward pass, where B does not see what A
is; the second pass has both written in, in training the judged ones. So both are
solutions with labels behind their last steps, which any objective on a head of one
logit trains: the head stands for the paper's new tokens + and -, and their
cross-entropy over the whole vocabulary is `step_bce` here. The words are not the
paper's. Text and numbers alone: tasks read this file.
"""

from collections.abc import Mapping, Sequence
from typing import Any

MARKS = ("-", "+")
KINDS = ("math", "consistency", "simplicity")  # of a solution's `about`


def first_pass(steps: Sequence[str]) -> tuple[str, ...]:
  """The steps and two more, behind which A and B are read."""
  return (*steps, f"{_line(steps)}Math reasoning:", " ?, Consistency:")


def second_pass(steps: Sequence[str], math: bool, consistent: bool) -> tuple[str, ...]:
  """The steps and one more, behind which O is read."""
  a, b = MARKS[math], MARKS[consistent]
  asked = f"{_line(steps)}Math reasoning: {a}, Consistency: {b}, Correctness:"
  return (*steps, asked)


def _line(steps: Sequence[str]) -> str:
  return "" if not steps or steps[-1].endswith("\n") else "\n"


def items(solution: Mapping[str, Any]) -> list[dict[str, Any]]:
  """Both passes of each judged step, as solutions.

  A step is left out where one of its three labels is missing, null or below 0.
  """
  steps, about = solution["steps"], solution["about"]
  judged = [about.get(kind) or [None] * len(steps) for kind in KINDS]
  found = []
  for t, labels in enumerate(zip(*judged, strict=True)):
    if any(label is None or label < 0 for label in labels):
      continue
    math, consistent, simple = (label > 0 for label in labels)
    known: list[float | None] = [None] * (t + 1)
    right = math and consistent and simple
    for texts, read in (
      (first_pass(steps[: t + 1]), [float(math), float(consistent)]),
      (second_pass(steps[: t + 1], math, consistent), [float(right)]),
    ):
      outcome = solution["outcome"]
      made = {"steps": texts, "labels": [*known, *read]}
      found.append({**made, "outcome": outcome, "number": solution["number"]})
  return found
