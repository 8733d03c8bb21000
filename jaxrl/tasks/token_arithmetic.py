"""Sums as bare text, "12+34=": the text side of `jaxrl.token_arithmetic`.

Both sides split by the same hash and score alike. The text of a response is what comes
before its stop token; one that never stopped is wrong in the compiled version, and only
its caller knows it here.
"""

from collections.abc import Sequence
from typing import overload

from jaxrl.errors import UserError
from jaxrl.problems import Problem, Task, Verdict, chat, problem_id

SOURCE = "token_arithmetic"


def token_arithmetic(*, max_operand: int = 99, test_fraction: float = 0.2) -> Task:
  """Every sum of two numbers 0..max_operand, to be asked without a chat template.

  Args:
    max_operand: up to 999, which is a million questions.
    test_fraction: of the questions.
  """
  if not 1 <= max_operand <= 999:
    raise UserError(f"token_arithmetic: max_operand is {max_operand}: give 1 to 999")
  if not 0 < test_fraction < 1:
    raise UserError(f"token_arithmetic: test_fraction is {test_fraction}: give 0 to 1")
  from jaxrl.token_arithmetic import operand_pairs  # jax: the verifier needs none

  train, test = (
    Sums(pairs.tolist()) for pairs in operand_pairs(max_operand, test_fraction)
  )
  if not train or not test:
    raise UserError(
      f"token_arithmetic: a split is empty with max_operand {max_operand} and "
      f"test_fraction {test_fraction}"
    )
  return Task(SOURCE, train, test, verify, messages)


class Sums(Sequence[Problem]):
  """The problems of pairs of operands, made as they are asked for."""

  def __init__(self, pairs: list[list[int]]):
    self._pairs = pairs

  def __len__(self) -> int:
    return len(self._pairs)

  @overload
  def __getitem__(self, index: int) -> Problem: ...
  @overload
  def __getitem__(self, index: slice) -> "Sums": ...
  def __getitem__(self, index):
    """The problem at a position; a slice is a sequence of the same kind."""
    if isinstance(index, slice):
      return Sums(self._pairs[index])
    a, b = self._pairs[index]
    question = f"{a}+{b}="
    return Problem(problem_id(SOURCE, question), SOURCE, question, str(a + b), {})


def messages(problem: Problem) -> list[dict[str, str]]:
  """The bare question."""
  return chat(problem.question)


def verify(problem: Problem, response: str) -> Verdict:
  """1.0 for exactly the digits of the answer: no space, sign or leading zero."""
  formatted = response.isascii() and response.isdigit()
  answer = response if formatted else None
  return Verdict(float(response == problem.answer), formatted, answer)
