"""GMPO: the geometric mean of the tokens' ratios.

Paper: Zhao et al., https://arxiv.org/abs/2507.20673 (clip from e^-0.4 to e^0.4, far
wider than GRPO's). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train gmpo
Expect: unmeasured. `ratio` stays closer to 1 than single tokens' ratios do.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "group_norm"},
    loss={"name": "gmpo", "log_clip_low": 0.4, "log_clip_high": 0.4},
    reduction={"name": "sequence_mean"},
  )
