"""Outcomes as labels of steps, with a buffer for the doubt.

Paper: Sun et al., https://arxiv.org/abs/2506.03570.
Run: jaxrl label prm/freeprm labels.jsonl && jaxrl train prm/freeprm
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    query={"name": "nothing"},
    labels={"name": "freeprm"},
    loss={"name": "prm/objectives/freeprm"},
    readout={"name": "class_share", "good": 0},
  )
