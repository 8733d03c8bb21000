"""DRO: policy gradient with a squared log-ratio in place of a clip.

Paper: Richemond et al., https://arxiv.org/abs/2405.19107 (offline data, a learned
value; here the group's mean is the baseline and pi_old the anchor). Sizes, optimiser
and rate are those of configs/base.py.
Run: jaxrl train dro
Expect: unmeasured. `log_ratio_squared` says how far the updates of a batch lead.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    loss={"name": "dro", "beta": 0.1},
  )
