"""Steps are lines. Pan et al., https://arxiv.org/abs/2311.05821.

  a step starts with each line that holds more than blanks

The newline that ends a line, and blank lines after it, belong to the line's step;
blank lines at the start belong to the first step. The paper only says that steps are
lines.
"""

from collections.abc import Sequence

import numpy as np

from jaxrl.prm.response import by_characters, part_starts


def newline(pieces: Sequence[str]) -> np.ndarray:
  """Number of each token's step, [R] int32."""
  return by_characters(pieces, list(part_starts("".join(pieces), "\n")))
