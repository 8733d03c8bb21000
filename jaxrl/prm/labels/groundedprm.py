"""GroundedPRM: steps of a tree with checks, up to what recovers. Zhang et al.,
https://arxiv.org/abs/2510.14942.

  y_t = 1[v_t > 0];  on a wrong path none from r on,
  r the first step with v_r >= 0 behind the first with v_f <= 0

where v_t is the summed return of a search tree's node after t steps, the check of a
rolled-out step, and the answer's +-1 at the end: what follows an error is not to be
learnt as good. A sum of 0 is bad.

Where the paper is silent: a step whose value is not known has no label and is passed
over, and a solution that was not graded counts as wrong.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.search.groundedprm import path_labels


def groundedprm(
  values: Float[np.ndarray, " P"], outcome: float
) -> Float[np.ndarray, " S"]:
  """1 for values above 0, else 0; NaN where not known, or behind the cut."""
  of_steps = values[1:].astype(float)
  known = np.flatnonzero(~np.isnan(of_steps))
  kept = path_labels(of_steps[known].tolist(), right=outcome > 0)
  labels = np.full(len(of_steps), np.nan)
  labels[known[: len(kept)]] = kept
  return labels
