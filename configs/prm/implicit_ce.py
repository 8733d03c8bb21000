"""A model whose log-ratio is the reward, from outcomes alone.

Paper: Yuan et al., https://arxiv.org/abs/2412.01981.
Run: jaxrl label prm/implicit_ce labels.jsonl && jaxrl train prm/implicit_ce
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
    loss={"name": "prm/objectives/implicit_ce"},
    reduction={"name": "sequence_mean"},
    readout={"name": "implicit"},
  )
