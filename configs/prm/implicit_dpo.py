"""Implicit process rewards from pairs.

Paper: Yuan et al., https://arxiv.org/abs/2412.01981, with DPO.
Run: jaxrl label prm/implicit_dpo labels.jsonl && jaxrl train prm/implicit_dpo
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
    loss={"name": "prm/objectives/implicit_dpo"},
    reduction={"name": "sequence_mean"},
    readout={"name": "implicit"},
  )
