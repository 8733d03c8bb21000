"""Steps are the turns of an agent. Choudhury, https://arxiv.org/abs/2502.10325.

  a step starts where the turn's number changes

so that a step is one action with the thought before it. Turns may be numbered from
anywhere and with gaps, and the same number after another one is a new turn. Tokens
that the environment wrote are to have the number of the turn that they answer.
"""

import numpy as np

from jaxrl.prm.response import by_tokens


def turns(turns: np.ndarray) -> np.ndarray:
  """Number of each token's step, [R] int32, from the turn of each token [R]."""
  numbers = np.asarray(turns)
  return by_tokens(np.diff(numbers, prepend=numbers[:1]) != 0)
