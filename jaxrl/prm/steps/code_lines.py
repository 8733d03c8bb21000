"""Steps are lines of code. Dai et al., https://arxiv.org/abs/2410.17621.

  a step starts with each line of the ``` block that holds code

Blank lines and comments hold none and belong to the line before them, so that more of
them are no more steps: they neither earn a reward nor have a label. What stands before
the first line of code belongs to it, what stands behind a block to its last line; a
response without any block is code as a whole. That comments are neutral is from memory
of the paper; a line of a string that goes over several lines counts as code.
"""

from collections.abc import Sequence

import numpy as np

from jaxrl.prm.response import by_characters

FENCE = "```"


def code_lines(pieces: Sequence[str]) -> np.ndarray:
  """Number of each token's step, [R] int32."""
  text = "".join(pieces)
  inside, first = FENCE not in text, True
  starts, offset = [], 0
  for line in text.split("\n"):
    said = line.strip()
    if said.startswith(FENCE):
      inside = not inside
    elif inside and said and not said.startswith("#"):
      starts += [] if first else [offset]
      first = False
    offset += len(line) + 1
  return by_characters(pieces, starts)
