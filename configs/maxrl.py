"""MaxRL: hard prompts count for more.

Paper: Tajwar et al., https://arxiv.org/abs/2602.02710. Sizes, optimiser and rate are
those of configs/base.py.
Run: jaxrl train maxrl
Expect: unmeasured. A lone success in a group of 8 weighs 7, so `grad_norm` is larger
than in configs/base.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """Rewards have to be 0 or more."""
  return base.config(
    advantage={"name": "maxrl"},
  )
