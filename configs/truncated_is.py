"""Policy gradient with a truncated importance weight.

Paper: Espeholt et al., IMPALA, https://arxiv.org/abs/1802.01561 (rho-bar 1; its V-trace
targets are not here). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train truncated_is
Expect: unmeasured. `capped_fraction` counts tokens that became likelier since they were
drawn.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    loss={"name": "truncated_is", "ratio_cap": 1.0},
  )
