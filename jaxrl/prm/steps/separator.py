"""Steps end with a separator. Zhang et al., https://arxiv.org/abs/2501.07301.

  text = s_0 separator s_1 separator ... s_S

A blank line by default, which is how Qwen2.5-Math-PRM, ProcessBench and others cut
their solutions. The separator belongs to the step that it ends. Where nothing but
blanks stands between two separators, they both end the same step; blanks and
separators at the start belong to the first step. Occurrences are found from left to
right and do not overlap.
"""

from collections.abc import Sequence

import numpy as np

from jaxrl.errors import UserError
from jaxrl.prm.response import by_characters, part_starts


def separator(pieces: Sequence[str], *, text: str = "\n\n") -> np.ndarray:
  """Number of each token's step, [R] int32.

  Args:
    pieces: the text that each token adds.
    text: the separator.
  """
  if not text:
    raise UserError("steps/separator: text is empty; give what ends a step")
  return by_characters(pieces, list(part_starts("".join(pieces), text)))
