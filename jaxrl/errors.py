"""Errors that are the user's to mend: one line with what, where and what to do."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
  """Printed as one line by the command line, which then exits with code 2."""


def near_match(word: str, known: Iterable[str]) -> str:
  """` (did you mean 'x'?)` for the closest known word, or what there is."""
  known = sorted(known)
  close = difflib.get_close_matches(word, known, n=1)
  return f" (did you mean {close[0]!r}?)" if close else f"; there is {', '.join(known)}"
