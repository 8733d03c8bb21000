"""Steps of equally many tokens. Chai et al., https://arxiv.org/abs/2410.02743.

  step_i = floor(i / tokens)

MA-RLHF's fixed n-grams, n = 5. The last step holds what is left. MA-RLHF gives the
final token a macro action of its own; that belongs to its advantages and is not done
here.
"""

from collections.abc import Sequence

import numpy as np

from jaxrl.errors import UserError


def fixed_length(pieces: Sequence[str], *, tokens: int = 5) -> np.ndarray:
  """Number of each token's step, [R] int32.

  Args:
    pieces: the text that each token adds; only their number counts.
    tokens: of each step.
  """
  if tokens < 1:
    raise UserError(f"steps/fixed_length: tokens is {tokens}; a step has at least one")
  return np.arange(len(pieces), dtype=np.int32) // np.int32(tokens)
