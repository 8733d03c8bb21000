"""Sums of small numbers, worked out a line a step, with an exact checker of each step.

A problem is "7+5*3-4=?", worked out from left to right (no operator binds tighter), and
a solution says every result on the way and then the answer:

  7+5=12
  12*3=36
  36-4=32
  #### 32

Results stay within 0..99. It is a task for small models that learn it from nothing, on
which labels of steps can be compared with the truth.
"""

import dataclasses
import random
import re
from collections.abc import Sequence

from jaxrl.errors import UserError
from jaxrl.problems import Problem, Task, Verdict, chat, problem_id, split_by_question

LARGEST = 99
_LINE = re.compile(r"(\d{1,3})([+*-])(\d{1,2})=(\d{1,3})")
_ANSWER = re.compile(r"####\s*(\d{1,4})")


@dataclasses.dataclass(frozen=True)
class Sum:
  """A start, and what is done to it one after the other."""

  start: int
  moves: tuple[tuple[str, int], ...]  # (operator, number)

  @property
  def question(self) -> str:
    """As it is asked."""
    return f"{self.start}{''.join(f'{op}{number}' for op, number in self.moves)}=?"

  @property
  def results(self) -> list[int]:
    """After each move."""
    found = [self.start]
    for op, number in self.moves:
      found.append(_apply(found[-1], op, number))
    return found[1:]

  @property
  def solution(self) -> str:
    """Every step, and the answer."""
    before = [self.start, *self.results]
    lines = [
      f"{a}{op}{number}={b}\n"
      for a, (op, number), b in zip(before, self.moves, before[1:], strict=False)
    ]
    return "".join(lines) + f"#### {self.results[-1]}"


def arithmetic_steps(
  *,
  count: int = 4000,
  least_moves: int = 3,
  most_moves: int = 6,
  test_fraction: float = 0.1,
  seed: int = 0,
) -> Task:
  """Sums drawn at random.

  Args:
    count: distinct questions, training and test together.
    least_moves: steps of a problem, at least.
    most_moves: at most.
    test_fraction: share of the questions that is held out, by a hash of each.
    seed: of the draws.

  Raises:
    UserError: the numbers of moves leave no problem, or fewer than `count`.
  """
  if not 1 <= least_moves <= most_moves:
    raise UserError(
      f"arithmetic_steps: {least_moves} to {most_moves} moves are none; give 1 or more"
    )
  rng = random.Random(seed)
  found: dict[str, Problem] = {}
  for _ in range(50 * count):
    if len(found) == count:
      break
    one = _draw(rng, rng.randint(least_moves, most_moves))
    found.setdefault(one.question, _problem(one))
  if len(found) < count:
    raise UserError(
      f"arithmetic_steps: there are not {count} sums of {least_moves} to {most_moves} "
      "moves; lower count, or allow more moves"
    )
  train, test = split_by_question(found.values(), test_fraction)
  return Task("arithmetic_steps", train, test, verify, messages, check_steps=check)


def messages(problem: Problem) -> list[dict[str, str]]:
  """The question alone."""
  return chat(problem.question)


def _apply(value: int, op: str, number: int) -> int:
  return {"+": value + number, "-": value - number, "*": value * number}[op]


def _draw(rng: random.Random, moves: int) -> Sum:
  value = start = rng.randint(1, 20)
  made: list[tuple[str, int]] = []
  while len(made) < moves:
    op, number = rng.choice("+-*"), rng.randint(2, 9)
    after = _apply(value, op, number)
    if 0 < after <= LARGEST:
      made.append((op, number))
      value = after
  return Sum(start, tuple(made))


def _problem(one: Sum) -> Problem:
  data = {"start": one.start, "moves": one.moves, "solution": one.solution}
  question, answer = one.question, str(one.results[-1])
  identifier = problem_id("arithmetic_steps", question)
  return Problem(identifier, "arithmetic_steps", question, answer, data)


def verify(problem: Problem, response: str) -> Verdict:
  """1 where the last answer line says the right number."""
  found = _ANSWER.findall(response)
  answer = found[-1] if found else None
  return Verdict(float(answer == problem.answer), answer is not None, answer)


def check(problem: Problem, steps: Sequence[str]) -> list[float]:
  """Whether each step follows from the one before it, as it was written, and the sum.

  A step that goes on rightly from a wrong result is right: the wrong one is at fault.
  The answer line has to repeat the last result, after all moves have been made.
  """
  value = int(problem.data["start"])
  moves = [(op, int(number)) for op, number in problem.data["moves"]]
  verdicts = []
  for i, step in enumerate(steps):
    if i < len(moves):
      match, (op, number) = _LINE.fullmatch(step.strip()), moves[i]
      right = match is not None and (
        (int(match[1]), match[2], int(match[3])) == (value, op, number)
        and int(match[4]) == _apply(value, op, number)
      )
      value = int(match[4]) if match is not None else _apply(value, op, number)
    else:
      answer = _ANSWER.fullmatch(step.strip())
      right = i == len(moves) and answer is not None and int(answer[1]) == value
    verdicts.append(float(right))
  return verdicts
