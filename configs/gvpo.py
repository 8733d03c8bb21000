"""GVPO: implicit rewards meet rewards, both centred on the group.

Paper: Zhang et al., https://arxiv.org/abs/2504.19599 (beta not confirmed). Sizes,
optimiser and rate are those of configs/base.py.
Run: jaxrl train gvpo
Expect: unmeasured. `residual` falls within the updates of a batch; off-policy data are
allowed.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    loss={"name": "gvpo", "beta": 0.1},
    reduction={"name": "sequence_mean"},
  )
