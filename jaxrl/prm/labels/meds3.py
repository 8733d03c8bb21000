"""MedS3: hard labels of node values with a look back. Jiang et al.,
https://arxiv.org/abs/2501.12051.

  w_1 = v_1,  w_t = v_t - factor (w_{t-1} - v_t),  y_t = 1[w_t > threshold]

where v_t is the value of a search tree's node after t steps, a share in [0, 1]. Falling
values are pushed down and rising ones up, without a clip. With the released factor and
threshold, y_t = 1 iff 2 v_t > w_{t-1}: a step that falls by more than half is wrong,
even on a right path. `meds3_soft` has the soft form.

Where the paper is silent: a node without a value has no label, and the step after it
looks back to the last one that has. The released code's variant that also asks for w_t
>= w_{t-1}, its penalty head (whose targets are always 0) and the choice of questions
with both right and wrong paths are not here.
"""

import numpy as np
from jaxtyping import Float


def meds3(
  values: Float[np.ndarray, " P"], *, factor: float = 1.0, threshold: float = 0.0
) -> Float[np.ndarray, " S"]:
  """1 where the penalised value is above the threshold, else 0."""
  looked = penalised(values, factor)[1:]
  return np.where(np.isnan(looked), np.nan, looked > threshold)


def penalised(
  values: Float[np.ndarray, " P"], factor: float
) -> Float[np.ndarray, " P"]:
  """The values w; that of the question, which has no label, is its own."""
  looked = values.astype(float)
  previous = None
  for step in range(1, len(values)):
    if np.isnan(values[step]):
      continue
    if previous is not None:
      looked[step] -= factor * (previous - values[step])
    previous = looked[step]
  return looked
