"""MedS3: soft labels of node values with a look back and ahead. Jiang et al.,
https://arxiv.org/abs/2501.12051.

  pen_t = factor (w_{t-1} - v_{t+1}) if v_t < w_{t-1} and v_t < v_{t+1}
          factor (w_{t-1} - v_t)     else;  0 at t = 1 and t = S
  w_t   = v_t - pen_t,  y_t = clip(w_t, 0, 1 - 1e-4)

where v_t is the value of a search tree's node after t steps, a share in [0, 1]: a step
that falls is held to what comes next, if that recovers. factor = 0, the first version
of the paper, labels steps by their values. The clip is of the label alone, not of the w
that is looked back to.

Where the paper is silent: a node without a value has no label, and the step after it
looks back to the last one that has; without a next value there is no recovery.
"""

import numpy as np
from jaxtyping import Float


def meds3_soft(
  values: Float[np.ndarray, " P"], *, factor: float = 0.0
) -> Float[np.ndarray, " S"]:
  """Penalised values, cut to [0, 1 - 1e-4]."""
  looked = values.astype(float)
  previous = None
  for step in range(1, len(values)):
    value = values[step]
    if np.isnan(value):
      continue
    if previous is not None and step < len(values) - 1:
      ahead = values[step + 1]
      recovers = value < previous and value < ahead
      looked[step] -= factor * (previous - (ahead if recovers else value))
    previous = looked[step]
  return np.clip(looked[1:], 0.0, 1 - 1e-4)
