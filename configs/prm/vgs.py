"""Outcome classes at every token, a value for search.

Paper: Wang et al., https://arxiv.org/abs/2505.17373.
Run: jaxrl label prm/vgs labels.jsonl && jaxrl train prm/vgs
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    query={"name": "nothing"},
    labels={"name": "freeprm"},
    explore={"name": "recorded", "train": "responses"},
    loss={"name": "prm/objectives/outcome_classes"},
    reduction={"name": "sequence_mean"},
    readout={"name": "class_share", "among": (0, 1, 2)},
  )
