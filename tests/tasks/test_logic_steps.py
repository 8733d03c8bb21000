"""Logic problems: Z3 against truth tables, solutions, and steps that are wrong."""

import itertools
import math
import random

import pytest

from jaxrl.errors import UserError
from jaxrl.prm.checkers.logic import entails, parse
from jaxrl.problems import Problem
from jaxrl.tasks.logic_steps import check, logic_steps, verify

TASK = logic_steps(count=120, least_moves=1, most_moves=4, spare_premises=2)
PROBLEMS = [*TASK.train, *TASK.test]
PREMISES = ("a", "a -> b", "~b | c")


def truth(formula, world):
  """The value of a parsed formula in a world: letter -> bool."""
  if isinstance(formula, str):
    return world[formula]
  if formula[0] == "~":
    return not truth(formula[1], world)
  left, right = (truth(part, world) for part in formula[1:])
  return {"&": left and right, "|": left or right, "->": not left or right}[formula[0]]


def follows(premises, conclusion):
  """By all worlds of the letters that are there."""
  letters = sorted({c for text in (*premises, conclusion) for c in text if c.isalpha()})
  worlds = (
    dict(zip(letters, bits, strict=True))
    for bits in itertools.product((False, True), repeat=len(letters))
  )
  return all(
    truth(parse(conclusion), world)
    for world in worlds
    if all(truth(parse(premise), world) for premise in premises)
  )


def formula(rng, depth):
  """A random formula in text."""
  if depth == 0:
    return rng.choice("abcd")
  op = rng.choice(("~", "&", "|", "->"))
  if op == "~":
    return f"~({formula(rng, depth - 1)})"
  return f"({formula(rng, depth - 1)}) {op} {formula(rng, rng.randrange(depth))}"


def test_z3_agrees_with_truth_tables():
  rng = random.Random(0)
  verdicts = []
  for _ in range(150):
    premises = [formula(rng, rng.randrange(3)) for _ in range(rng.randint(0, 3))]
    asked = formula(rng, rng.randrange(4))
    got = entails([parse(p) for p in premises], parse(asked), milliseconds=2000)
    assert got == float(follows(premises, asked)), (premises, asked)
    verdicts.append(got)
  assert 20 < sum(verdicts) < 130


@pytest.mark.parametrize(
  "text, plain",
  [
    ("a -> b -> c", "a -> (b -> c)"),
    ("a & b | ~c & d", "(a & b) | ((~c) & d)"),
    ("~a & b -> c | d", "((~a) & b) -> (c | d)"),
    ("a | b & c -> d", "(a | (b & c)) -> d"),
    ("~~a", "~(~a)"),
  ],
)
def test_what_binds_tighter(text, plain):
  assert parse(text) == parse(plain) is not None


@pytest.mark.parametrize(
  "text",
  ["", "a b", "a &", "& a", "(a", "a)", "ab", "A", "a -> ", "__import__('os')"],
)
def test_what_is_no_formula(text):
  assert parse(text) is None


@pytest.mark.parametrize(
  "text", ["a" * 300, "~" * 199, "(" * 150, "a == b", "1", "a<->b"]
)
def test_what_is_far_from_a_formula(text):
  assert parse(text) is None


def test_answers_are_right_by_truth_tables():
  seen = set()
  for problem in PROBLEMS:
    premises, asked = problem.data["premises"], problem.data["conclusion"]
    letters = {c for text in premises for c in text if c.isalpha()}
    if len(letters) > 8:
      continue
    assert not follows(premises, "a & ~a"), "premises that cannot be"
    proved, against = follows(premises, asked), follows(premises, f"~({asked})")
    expected = "proved" if proved else "disproved" if against else "unknown"
    assert problem.answer == expected
    seen.add(expected)
  assert seen == {"proved", "disproved", "unknown"}


def test_every_step_of_every_solution_is_proved():
  for problem in PROBLEMS:
    steps = problem.data["solution"].splitlines(keepends=True)
    assert TASK.check_steps(problem, steps) == [1.0] * len(steps)
    assert verify(problem, problem.data["solution"]).score == 1
    # Nothing is said twice, and nothing for nothing.
    assert len(set(steps)) == len(steps)


def made(answer="proved", asked="c"):
  data = {"premises": PREMISES, "conclusion": asked}
  return Problem("x", "logic_steps", "", answer, data)


@pytest.mark.parametrize(
  "steps, verdicts",
  [
    (["1, 2 => 4: b", "3, 4 => 5: c", "#### proved"], [1, 1, 1]),
    # An inference from too little, though the premises have it.
    (["1 => 4: b", "3, 4 => 5: c"], [0, 1]),
    # What builds rightly on a wrong line is right; so is the verdict from it.
    (["1 => 4: ~c", "#### disproved"], [0, 1]),
    (["1 => 4: d", "4 => 5: d | e", "5 => 6: e"], [0, 1, 0]),
    (["9 => 4: a"], [0]),
    (["1 => 1: a"], [0]),
    (["1 => 4: (a", "4 => 5: a", "so a"], [None, None, None]),
    (["#### disproved", "#### unknown", "#### proved"], [0, 0, 1]),
    (["1,2=>4:b"], [1]),
    (["1, 2 => 4: b; import os"], [None]),
  ],
)
def test_steps_by_their_own_premises(steps, verdicts):
  got = check(made(), steps, milliseconds=2000)
  assert [None if math.isnan(v) else v for v in got] == verdicts


def test_unknown_is_a_verdict_like_the_others():
  assert check(made("unknown", "d"), ["#### unknown"], milliseconds=2000) == [1.0]
  assert check(made("unknown", "d"), ["#### proved"], milliseconds=2000) == [0.0]


def test_impossible_sizes_are_errors():
  with pytest.raises(UserError, match="give 1 or more moves"):
    logic_steps(least_moves=3, most_moves=2)
  with pytest.raises(UserError, match="lower one of them"):
    logic_steps(most_moves=40)
