"""Weights of training solutions by a small network on what the model says of them.

Paper: Cao and Xie, DreamPRM-1.5, https://arxiv.org/abs/2509.05542, Instance Net. The
rest is prm/dreamprm_1_5.
Run: jaxrl label prm/dreamprm_1_5_net labels.jsonl && jaxrl train prm/dreamprm_1_5_net
Expect: unmeasured.
"""

import dataclasses

from jaxrl.config import Config
from jaxrl.configs.prm import dreamprm_1_5


def config() -> Config:
  """What differs from `prm/dreamprm_1_5`."""
  return dataclasses.replace(
    dreamprm_1_5.config(),
    reweighting=({"name": "dreamprm_1_5_net"},),
    meta_schedule={"name": "constant", "learning_rate": 1e-4},
  )
