"""Kimi k1.5: mirror descent with the squared log-ratio of a response.

Paper: Kimi Team, https://arxiv.org/abs/2501.12599 (no tau given: ROLL's). Its
curriculum, length penalty and partial rollouts are no part of this. Sizes, optimiser
and rate are those of configs/base.py.
Run: jaxrl train kimi
Expect: unmeasured. `log_ratio_squared` says how far the updates of a batch lead.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "group_mean"},
    loss={"name": "kimi", "tau": 0.1},
    reduction={"name": "sequence_mean"},
  )
