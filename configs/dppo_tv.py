"""DPPO: a trust region in total variation, not in ratios.

Paper: Qi et al., https://arxiv.org/abs/2602.04879 (limits of 0.15 from a run script for
verl). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train dppo_tv
Expect: unmeasured. `clip_fraction` counts tokens beyond the limit: common tokens, where
PPO's clip stops rare ones.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    loss={"name": "dppo_tv", "divergence_low": 0.15, "divergence_high": 0.15},
  )
