"""Online filtering: only prompts of middling difficulty train.

Paper: PRIME, Cui et al., https://arxiv.org/abs/2502.01456 (0.2 to 0.8, 4 samples a
prompt, RLOO; its implicit process reward is no part of this). Sizes, optimiser and rate
are those of configs/base.py.
Run: jaxrl train difficulty_filter
Expect: unmeasured. `rounds` of sampling grow as prompts are solved; `missing_groups`
above 0 say that refill_rounds did not suffice.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """Groups outside the range are drawn anew."""
  return base.config(
    refill=({"name": "difficulty_range", "low": 0.2, "high": 0.8},),
    advantage={"name": "rloo"},
  )
