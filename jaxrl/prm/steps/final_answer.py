"""A thought in steps, then the final answer as one last step. Zou et al.,
https://arxiv.org/abs/2506.18896.

  text = s_0 separator s_1 separator ... s_T-1 marker answer

Steps of the thought end with the separator, a blank line by default, as in
`separator`; what stands behind the first marker, however long, is the last step, and
the marker belongs to the step before it. So a label of the whole (ReasonFlux-PRM's
trajectory, Fin-PRM's mark behind the answer) can stand on a step of its own.

A text without the marker, or with nothing but blanks on one of its sides, has no answer
of its own: it is cut as by `separator`, and what is said of the whole stands on the
last of these steps.
"""

from collections.abc import Sequence

import numpy as np

from jaxrl.errors import UserError
from jaxrl.prm.response import by_characters, part_starts


def final_answer(
  pieces: Sequence[str], *, marker: str = "</think>", separator: str = "\n\n"
) -> np.ndarray:
  """Number of each token's step, [R] int32.

  Args:
    pieces: the text that each token adds.
    marker: ends the thought.
    separator: ends a step of the thought.
  """
  if not marker or not separator:
    raise UserError("steps/final_answer: marker and separator are texts, not empty")
  text = "".join(pieces)
  thought, found, answer = text.partition(marker)
  if not thought.strip() or not answer.strip():
    return by_characters(pieces, list(part_starts(text, separator)))
  starts = list(part_starts(thought, separator))
  return by_characters(pieces, [*starts, len(thought) + len(found)])
