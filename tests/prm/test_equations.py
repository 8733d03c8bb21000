"""The checker of equations: arithmetic, algebra, and texts that are neither."""

import math
import time

import pytest

from jaxrl.prm.checkers.clock import OutOfTime, time_limit
from jaxrl.prm.checkers.equations import check_equations, equations, parse, value
from jaxrl.problems import Problem
from jaxrl.tasks.champ import champ
from jaxrl.tasks.reasoning_gym import reasoning_gym


def verdicts(*steps, question=""):
  problem = Problem("x", "x", question, "", {})
  found = check_equations(problem, steps)
  return [None if math.isnan(v) else v for v in found]


@pytest.mark.parametrize(
  "text, expected",
  [
    ("Adding them gives 3 + 4 = 7 apples.", 1),
    ("So 3 + 4 = 8 apples.", 0),
    ("2 * (3 + 4) = 14", 1),
    ("2 × 3 ÷ 4 = 1.5", 1),
    ("$2^10 = 1,024$ in all", 1),
    (r"\(12 \times 12 = 144\)", 1),
    ("10 / 3 = 3.33", 1),
    ("10 / 3 = 3.34", 0),
    ("10 / 3 = 3", 0),
    ("2 + 2 = 5 - 1 = 4", 1),
    ("2 + 2 = 4 = 5", 0),
    ("-2^2 = -4", 1),
    ("2^3^2 = 512", 1),
    ("6 / 2 * 3 = 9", 1),
    ("total = 3 * 4 = 12", 1),
    ("it costs 2 * 3 = 6 a day", 1),
    ("3 + 4 = seven", None),
    ("3 + = 7", None),
    ("there is nothing here", None),
    ("1 / 0 = 1", None),
    ("2 3 = 6", None),
    ("(x + 1)^2 = x^2 + 2x + 1", 1),
    ("(x + 1)(x - 1) = x^2 + 1", 0),
    ("3, 4 + 1 = 5", 1),
    ("x = x + 1", 0),
  ],
)
def test_one_step(text, expected):
  assert verdicts(text) == [expected]


def test_letters_follow_from_what_is_known():
  steps = ["2x = 7 - 3", "x = 2", "x = 3", "y = x + 1", "y = 3", "y = 4"]
  got = verdicts(*steps, question="Solve 2x + 3 = 7 for x.")
  assert got == [1, 1, 0, None, 1, 0]


def test_one_of_two_roots_is_an_assumption():
  assert verdicts("x = 2", "x = -2", question="x^2 = 4") == [None, 0]
  assert verdicts("x^3 = 4x", question="x^2 = 4") == [1]


def test_one_wrong_equation_makes_a_step_wrong():
  assert verdicts("1 + 1 = 2, and 2 + 2 = 5", "1 + 1 = 2; x = 9") == [0, 1]


def test_wrong_equations_are_not_known_afterwards():
  assert verdicts("x = 1", "x = 2", "x = 1") == [None, 0, 1]


@pytest.mark.parametrize(
  "text",
  [
    "9^9^9^9 = 1",
    "((((9^9)^9)^9)^9)^9 = 1",
    "x^(y) = 1",
    "2^0.5 = 1",
    "1" * 40 + " = 1",
    "(" * 200 + " = 1",
    "+".join(["1"] * 200) + " = 200",
    "__import__('os').system('true') = 0",
    "x(((((x+y)^8)^3)^2)^9) = 1",
  ],
)
def test_hostile_texts_say_nothing_and_take_no_time(text):
  start = time.monotonic()
  assert verdicts(text)[0] in (None, 0)
  assert time.monotonic() - start < 5


def test_algebra_has_a_time_limit():
  hard = "(a+b+c+d)^24 = (a-b+c-d)^23"
  problem = Problem("x", "x", "(a+2b)^9 = c^8 + d^7", "", {})
  start = time.monotonic()
  assert math.isnan(check_equations(problem, [hard], seconds=0.3)[0])
  assert time.monotonic() - start < 5
  with pytest.raises(OutOfTime), time_limit(0.05):
    while True:
      pass


def test_values_are_exact():
  assert value(parse("0.1 + 0.2")) == value(parse("0.3"))
  assert equations("a = b = 3 and 1+1=2") == [("a", "b"), ("b", "3"), ("1+1", "2")]


def test_tasks_have_the_checker_where_it_is_asked_for():
  assert champ().check_steps is None
  assert champ(check_equations=True).check_steps is check_equations
  task = reasoning_gym(draws=20, check_equations=True)
  assert task.check_steps(task.train[0], ["1+1=2", "1+1=3"]) == [1.0, 0.0]
