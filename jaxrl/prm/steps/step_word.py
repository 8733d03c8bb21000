"""A word such as "Step 2:" starts a step. Wang et al., https://arxiv.org/abs/2312.08935.

  a step starts with each match of `pattern`

What stands before the first match is a step of its own unless it is blank; then it
joins the first step. By default a match is "Step" and a number at the start of a line,
which markdown's heading or bold marks may precede. Math-Shepherd's own solutions mark
a step's end as well; that mark is not needed here.
"""

import re
from collections.abc import Sequence

import numpy as np

from jaxrl.errors import UserError
from jaxrl.prm.response import by_characters


def step_word(
  pieces: Sequence[str], *, pattern: str = r"^[ \t#*]*Step \d+"
) -> np.ndarray:
  """Number of each token's step, [R] int32.

  Args:
    pieces: the text that each token adds.
    pattern: a regular expression; ^ is the start of a line.
  """
  try:
    word = re.compile(pattern, re.MULTILINE)
  except re.error as error:
    raise UserError(
      f"steps/step_word: pattern {pattern!r} is no regular expression ({error})"
    ) from error
  text = "".join(pieces)
  starts = [match.start() for match in word.finditer(text)]
  return by_characters(pieces, [at for at in starts if text[:at].strip()])
