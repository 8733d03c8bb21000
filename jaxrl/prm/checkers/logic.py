"""Whether a formula follows from others, by Z3. Formulas are parsed and never run.

A formula is a letter, ("~", f), or (op, f, g) with op one of "&", "|", "->".
"""

import re
from collections.abc import Sequence
from typing import Any

NAN = float("nan")
# Of a formula: they bound the parser's depth and Z3's work.
CHARACTERS_MAX, PARENTHESES_MAX = 200, 20
# From what binds least; "->" to the right, so that a -> b -> c is a -> (b -> c).
_BINARY = ("->", "|", "&")
_TOKEN = re.compile(r"\s*(->|[a-z]|[~&|()])")
Formula = Any


def parse(text: str) -> Formula | None:
  """The formula that a text is; None where it is none."""
  if len(text) > CHARACTERS_MAX or text.count("(") > PARENTHESES_MAX:
    return None
  tokens: list[str] = []
  at, text = 0, text.strip()
  while at < len(text):
    match = _TOKEN.match(text, at)
    if match is None:
      return None
    tokens.append(match[1])
    at = match.end()
  try:
    formula, rest = _level(tokens, 0)
  except ValueError:
    return None
  return None if rest else formula


def _level(tokens: list[str], level: int) -> tuple[Formula, list[str]]:
  """A formula of operators from `level` on, and the tokens behind it."""
  if level == len(_BINARY):
    return _unary(tokens)
  left, rest = _level(tokens, level + 1)
  op = _BINARY[level]
  while rest and rest[0] == op:
    # An implication takes all that follows as its right side.
    right, rest = _level(rest[1:], level + (op != "->"))
    left = (op, left, right)
  return left, rest


def _unary(tokens: list[str]) -> tuple[Formula, list[str]]:
  if not tokens:
    raise ValueError("a formula ends too early")
  first, rest = tokens[0], tokens[1:]
  if first == "~":
    inner, rest = _unary(rest)
    return ("~", inner), rest
  if first == "(":
    inner, rest = _level(rest, 0)
    if rest[:1] != [")"]:
      raise ValueError("a parenthesis that is not closed")
    return inner, rest[1:]
  if not first.isalpha():
    raise ValueError(f"{first} stands where a formula should")
  return first, rest


def entails(
  premises: Sequence[Formula], formula: Formula, *, milliseconds: int
) -> float:
  """1. where the premises entail the formula, 0. where not, NaN where Z3 gives up.

  Premises that contradict each other entail everything.
  """
  import z3

  solver = z3.Solver()
  solver.set("timeout", milliseconds)
  solver.add(*(_in_z3(one) for one in premises), z3.Not(_in_z3(formula)))
  found = solver.check()
  return 1.0 if found == z3.unsat else 0.0 if found == z3.sat else NAN


def _in_z3(formula: Formula) -> Any:
  import z3

  if isinstance(formula, str):
    return z3.Bool(formula)
  op, *parts = formula
  made = [_in_z3(part) for part in parts]
  named = {"~": z3.Not, "&": z3.And, "|": z3.Or, "->": z3.Implies}
  return named[op](*made)
