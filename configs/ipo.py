"""IPO: tokens whose probability moved far do not train.

Paper: Prime Intellect, https://docs.primeintellect.ai/prime-rl/ipo.md (limit 0.3,
coefficient 1e-3). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train ipo
Expect: unmeasured. `clip_fraction` counts tokens whose probability moved by more than
0.3.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    loss={"name": "ipo", "limit": 0.3, "coefficient": 1e-3},
  )
