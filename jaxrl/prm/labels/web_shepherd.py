"""Web-Shepherd: how much of a checklist a step does. Chae et al.,
https://arxiv.org/abs/2505.15277.

  y_t = r_t,  the reward of step t by a checklist of the question (see `shepherd`)

the level after each step, as in the paper: for what a step adds take the reward
`prm_delta` on the scores of a model that was trained on these labels. A step that could
not be judged has no label.

Id: web_shepherd
"""

import numpy as np
from jaxtyping import Float


def web_shepherd(checklist: Float[np.ndarray, " S"]) -> Float[np.ndarray, " S"]:
  """The rewards of the steps."""
  return checklist.astype(float)
