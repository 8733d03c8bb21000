"""Small errors in programs: one operator, constant or condition changed.

Programs are parsed and written by `ast`, and run by nobody here. What is changed stands
in one line, and the other lines stay as they are written.
"""

import ast
import dataclasses
import math
import random
from collections.abc import Iterator
from typing import Any

# What stands in the place of an operator: close to it, so that the error is one of
# thought and not of form.
_INSTEAD: dict[type, type] = {
  **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult},
  **{ast.FloorDiv: ast.Mod, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult},
  **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt},
  **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In},
  **{ast.And: ast.Or, ast.Or: ast.And},
}


@dataclasses.dataclass(frozen=True)
class Mutant:
  """A program with one line changed."""

  lines: tuple[str, ...]  # with their ends
  line: int  # which one, from 0


def mutants(program: str, rng: random.Random, *, most: int) -> list[Mutant]:
  """Up to `most` different programs, each of one change; [] where it does not parse.

  Only what stands within one line is changed.
  """
  try:
    tree = ast.parse(program)
  except (SyntaxError, ValueError, RecursionError):
    return []
  lines = _lines(program)
  changes = list(_changes(tree))
  rng.shuffle(changes)
  found: dict[tuple[str, ...], Mutant] = {}
  for node, text in changes:
    if node.lineno != node.end_lineno or len(found) == most:
      continue
    at = node.lineno - 1
    line = lines[at].encode()  # columns count bytes
    head, tail = line[: node.col_offset], line[node.end_col_offset :]
    changed = (*lines[:at], (head + text.encode() + tail).decode(), *lines[at + 1 :])
    if changed != lines and _parses("".join(changed)):
      found.setdefault(changed, Mutant(changed, at))
  return list(found.values())


def _lines(program: str) -> tuple[str, ...]:
  """As `ast` numbers them: form feeds and the like end no line."""
  parts = program.split("\n")
  ended = (f"{part}\n" for part in parts[:-1])
  return (*ended, parts[-1]) if parts[-1] else tuple(ended)


def _parses(program: str) -> bool:
  try:
    ast.parse(program)
  except (SyntaxError, ValueError):
    return False
  return True


def _changes(tree: ast.AST) -> Iterator[tuple[Any, str]]:
  """Expressions, and what could stand in their place."""
  # Docstrings, and the parts of f-strings, which have no place of their own.
  kept = {
    id(part)
    for node in ast.walk(tree)
    if isinstance(node, ast.Expr | ast.JoinedStr)
    for part in ast.walk(node)
  }
  for node in ast.walk(tree):
    if isinstance(node, ast.If | ast.While | ast.IfExp):
      yield node.test, f"(not ({ast.unparse(node.test)}))"
    if id(node) in kept:
      continue
    if isinstance(node, ast.Constant):
      yield from ((node, text) for text in _constants(node.value))
    elif isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in _INSTEAD:
      yield node, _with_operator(node, "op", _INSTEAD[type(node.op)]())
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in _INSTEAD:
      ops = [_INSTEAD[type(node.ops[0])](), *node.ops[1:]]
      yield node, _with_operator(node, "ops", ops)


def _with_operator(node: ast.expr, field: str, value: Any) -> str:
  parts = {name: getattr(node, name) for name in node._fields}
  return f"({ast.unparse(type(node)(**{**parts, field: value}))})"


def _constants(value: object) -> list[str]:
  """Other constants of the kind."""
  if isinstance(value, bool):
    return [str(not value)]
  if isinstance(value, int | float) and math.isfinite(value):
    return [repr(value + 1), repr(value - 1)]
  return [repr(value + "x")] if isinstance(value, str) else []
