"""Whether the equations of a step hold: numbers exactly, letters by algebra.

An equation is read where a text has two sides of numbers, single letters, + - * / ^ ( )
with "=" between; what is not of this grammar ends it, so that words around it do not
matter. "a = b = c" is two equations.

- Without letters it is right or wrong. A decimal is compared to its last digit shown.
- With letters it is right if it holds for all numbers or follows from the equations
  known so far (of the question and of earlier steps), wrong if it contradicts them, and
  else an assumption, which is known from then on and decides nothing.

Following is by ideals: f = 0 follows from g_1 = 0, .. if 1 is in the ideal of the g and
1 - t f, and contradicts them if it is in that of the g and f.

A step is wrong if one of its equations is, right if none is and one is right, and NaN
where nothing can be said: it has no equation, or too large a one. Texts are parsed by
this grammar and never evaluated as programs; sizes are bounded, and algebra has a time
limit. GroundedPRM asks Wolfram Alpha and a language model in this place, Zhang et al.,
https://arxiv.org/abs/2510.14942.
"""

import itertools
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from jaxrl.prm.checkers.clock import OutOfTime, time_limit
from jaxrl.problems import Problem

NAN = float("nan")
CHARACTERS_MAX, PARENTHESES_MAX = 160, 20  # of a side
DIGITS_MAX = 30  # of a number
DEGREE_MAX = 48  # of an expression: see `degree`
EQUATIONS_MAX = 8  # of a step
LETTERS_MAX, KNOWN_MAX = 4, 6  # beyond them nothing is said of equations with letters
_SIGNS = {"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "**": "^"}
_LATEX = {
  r"\(": ";",
  r"\)": ";",
  r"\[": ";",
  r"\]": ";",
  r"\times": "*",
  r"\cdot": "*",
  r"\div": "/",
  r"\left": "",
  r"\right": "",
}
# A number, a letter by itself, a sign; blanks between them.
_PIECE = r"(?:\d+(?:\.\d+)?|(?<![A-Za-z])[A-Za-z](?![A-Za-z])|[-+*/^()=]|(?<= ),)"
_RUN = re.compile(rf"{_PIECE}(?: *{_PIECE})*")
_TOKEN = re.compile(r" *(\d+(?:\.\d+)?|[A-Za-z]|[-+*/^()])")
Expression = Any  # a Fraction, a letter, or (op, left, right)


class TooLarge(Exception):
  """A number or a power beyond the bounds."""


def check_equations(
  problem: Problem, steps: Sequence[str], *, seconds: float = 2.0
) -> list[float]:
  """1. right, 0. wrong, NaN where it cannot say: for `Task.check_steps`."""
  known: list[tuple[str, str]] = []
  for pair in equations(problem.question):
    if len(known) < KNOWN_MAX and _letters(pair):
      known.append(pair)
  verdicts = []
  for step in steps:
    found = [_judged(pair, known, seconds) for pair in equations(step)[:EQUATIONS_MAX]]
    verdicts.append(0.0 if 0.0 in found else 1.0 if 1.0 in found else NAN)
  return verdicts


def equations(text: str) -> list[tuple[str, str]]:
  """The two sides of each equation of a text."""
  for sign, plain in {**_LATEX, **_SIGNS}.items():
    text = text.replace(sign, plain)
  text = re.sub(r"[$\\{}]", " ", re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text))
  # Side by side with a blank between is no product: "6 a day" ends behind the 6, and
  # "2 3" is nothing, for which "," stands.
  text = re.sub(r"(?<=\d) +(?=\d)", " , ", text)
  text = re.sub(r"(?<=[\w)]) +(?=[\w(])", " ; ", text)
  found: list[tuple[str, str]] = []
  for run in _RUN.findall(text):
    sides = [side.strip() for side in run.split("=")]
    read = [side for side in sides if side and parse(side) is not None]
    # One side that cannot be read, or is missing in the middle, spoils all of it.
    if len(read) >= 2 and len(read) == len(sides[not sides[0] :]):
      found += itertools.pairwise(read)
  return found


def _judged(
  pair: tuple[str, str], known: list[tuple[str, str]], seconds: float
) -> float:
  """The verdict on one equation; what is not wrong is known from then on."""
  try:
    if not _letters(pair):
      return float(_equal(*pair))
    if len(known) >= KNOWN_MAX or len(_letters(*known, pair)) > LETTERS_MAX:
      return NAN
    with time_limit(seconds):
      verdict = _follows(pair, known)
  except (ZeroDivisionError, OutOfTime):
    return NAN
  if verdict != 0:
    known.append(pair)
  return verdict


def _letters(*pairs: tuple[str, str]) -> set[str]:
  return {c for pair in pairs for side in pair for c in side if c.isalpha()}


# --- numbers ------------------------------------------------------------------------


def _equal(left: str, right: str) -> bool:
  """Whether two sides without letters are equal, to the digits shown of a decimal."""
  difference = abs(value(parse(left)) - value(parse(right)))
  shown = [len(side.partition(".")[2]) for side in (left, right) if _decimal(side)]
  return difference == 0 or any(difference <= Fraction(1, 2 * 10**d) for d in shown)


def _decimal(side: str) -> bool:
  return re.fullmatch(r"-? *\d+\.\d+", side) is not None


def value(expression: Expression) -> Fraction:
  """The number that an expression without letters is.

  Raises:
    ZeroDivisionError: it divides by 0.
  """
  if isinstance(expression, Fraction):
    return expression
  op, *parts = expression
  left, right = (value(part) for part in parts)
  if op == "^":
    return left ** int(right)
  if op == "/":
    return left / right
  return {"+": left + right, "-": left - right, "*": left * right}[op]


def _has_letters(expression: Expression) -> bool:
  if isinstance(expression, Fraction | str):
    return isinstance(expression, str)
  return any(map(_has_letters, expression[1:]))


def degree(expression: Expression) -> int:
  """How many numbers and letters are multiplied, at most, when powers are written out.

  Raises:
    TooLarge: more than `DEGREE_MAX`, or a power that is no whole number.
  """
  if isinstance(expression, Fraction | str):
    return 1
  op, left, right = expression
  if op == "^":
    if degree(right) and _has_letters(right):
      raise TooLarge("a power with letters")
    power = value(right)
    if power.denominator != 1:
      raise TooLarge(power)
    found = degree(left) * max(abs(int(power)), 1)
  elif op in ("*", "/"):
    found = degree(left) + degree(right)
  else:
    found = max(degree(left), degree(right))
  if found > DEGREE_MAX:
    raise TooLarge(found)
  return found


# --- algebra ------------------------------------------------------------------------


def _follows(pair: tuple[str, str], known: Sequence[tuple[str, str]]) -> float:
  """1. if an equation with letters follows, 0. if it cannot hold, else NaN."""
  import sympy

  given = [zeros for zeros in map(_polynomial, known) if zeros != 0]
  asked = _polynomial(pair)
  if asked == 0:
    return 1.0
  if asked.is_number:
    return 0.0
  one = lambda polynomials: sympy.groebner(polynomials, order="grevlex").exprs == [1]
  if given and one(given):
    return NAN  # what is known has no solution: it says nothing
  if one([*given, asked]):
    return 0.0
  t = sympy.Symbol("_t")  # no letter of the grammar
  return 1.0 if given and one([*given, 1 - t * asked]) else NAN


def _polynomial(pair: tuple[str, str]) -> Any:
  """left - right without denominators, of sympy; 0 where they are equal."""
  import sympy

  left, right = (_in_sympy(parse(side)) for side in pair)
  return sympy.expand(sympy.fraction(sympy.cancel(left - right))[0])


def _in_sympy(expression: Expression) -> Any:
  import sympy

  if isinstance(expression, Fraction):
    return sympy.Rational(expression.numerator, expression.denominator)
  if isinstance(expression, str):
    return sympy.Symbol(expression)
  op, *parts = expression
  left, right = (_in_sympy(part) for part in parts)
  if op == "^":
    return left ** int(right)
  if op == "/":
    if right == 0:
      raise ZeroDivisionError
    return left / right
  return {"+": left + right, "-": left - right, "*": left * right}[op]


# --- the grammar --------------------------------------------------------------------


def parse(text: str) -> Expression | None:
  """What a side says; None where it is not of the grammar, or too large.

  `2x`, `2(x+1)` and `(x+1)(x-1)` are products; `2 3` is nothing. A power binds tighter
  than a minus before it, and to the right.
  """
  if not 0 < len(text) <= CHARACTERS_MAX or text.count("(") > PARENTHESES_MAX:
    return None
  tokens, at = [], 0
  while at < len(text):
    match = _TOKEN.match(text, at)
    if match is None or len(match[1]) > DIGITS_MAX:
      return None
    tokens.append(match[1])
    at = match.end()
  stream = _Stream(tokens)
  try:
    found = stream.sum()
    degree(found)
  except (ValueError, TooLarge, ZeroDivisionError):
    return None
  return None if stream.left else found


class _Stream:
  """Tokens on their way into an expression."""

  def __init__(self, tokens: Sequence[str]):
    self.left = list(reversed(tokens))

  @property
  def next(self) -> str:
    """The next token; "" behind the last one."""
    return self.left[-1] if self.left else ""

  def sum(self) -> Expression:
    """Products with + and - between them."""
    found = self.product()
    while self.next in ("+", "-"):
      op = self.left.pop()
      found = (op, found, self.product())
    return found

  def product(self) -> Expression:
    """Factors with * and / between them, or side by side."""
    found = self.factor()
    while self.next in ("*", "/", "(") or self.next.isalpha():
      op = self.left.pop() if self.next in ("*", "/") else "*"
      found = (op, found, self.factor())
    return found

  def factor(self) -> Expression:
    """A signed power."""
    if self.next in ("+", "-"):
      sign = self.left.pop()
      inner = self.factor()
      return inner if sign == "+" else ("-", Fraction(0), inner)
    base = self.atom()
    if self.next != "^":
      return base
    self.left.pop()
    return ("^", base, self.factor())

  def atom(self) -> Expression:
    """A number, a letter, or what stands in parentheses."""
    token = self.left.pop() if self.left else ""
    if token == "(":
      inner = self.sum()
      if self.next != ")":
        raise ValueError("a parenthesis that is not closed")
      self.left.pop()
      return inner
    if token.isalpha():
      return token
    if token[:1].isdigit():
      return Fraction(token)
    raise ValueError(f"{token!r} stands where a number should")
