"""A reward model from pairs whose states tell where a response leads.

Paper: Nath et al., https://arxiv.org/abs/2407.13887 (beta 0.5, 16 positions, rate 9e-6,
1 epoch, batch 64). Sizes and optimiser are those of configs/prm.
Run: jaxrl label prm/goal_conditioned_rm labels.jsonl && \\
  jaxrl train prm/goal_conditioned_rm
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    group_size=4,
    selectors=({"name": "informative_groups"},),  # others have no pair
    query={"name": "nothing"},
    labels={"name": "freeprm"},
    explore={"name": "recorded", "train": "responses"},
    loss={"name": "prm/objectives/bradley_terry"},
    regularizers=({"name": "prm/objectives/goal_conditioned_rm"},),
    reduction={"name": "sequence_mean"},
  )
