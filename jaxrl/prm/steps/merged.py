"""TP-GRPO's thoughts: equal verdicts are one step. He et al., https://arxiv.org/abs/2507.23317.

  a thought starts with step k where verdict_k != verdict_(k-1)

so that five wrong steps in a row are one wrong thought, and a reward for each thought
does not count them five times. `steps` is a first cut, `verdicts` has one label for
each of its steps; two NaN (no label) are equal. The verdicts of the thoughts are those
of their first steps.

The paper cuts with a language model, finds the verdicts by it and rewards the thoughts
(in its advantages); neither is done here.
"""

import numpy as np

from jaxrl.errors import UserError
from jaxrl.prm.response import by_tokens


def merged(steps: np.ndarray, verdicts: np.ndarray) -> np.ndarray:
  """Number of each token's thought, [R] int32.

  Args:
    steps: [R] number of each token's step in the first cut.
    verdicts: [S] label of each of those steps.
  """
  numbers = np.asarray(steps)
  count = int(numbers.max()) + 1 if len(numbers) else 0
  if count > len(verdicts):
    raise UserError(f"steps/merged: {count} steps have {len(verdicts)} verdicts")
  each = np.asarray(verdicts, dtype=np.float64)[numbers]
  same = (each[1:] == each[:-1]) | (np.isnan(each[1:]) & np.isnan(each[:-1]))
  return by_tokens(np.concatenate([np.zeros(len(each[:1]), dtype=bool), ~same]))
