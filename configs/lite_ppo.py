"""Lite PPO: group mean, deviation of the batch, token mean.

Paper: Liu et al., https://arxiv.org/abs/2508.08221. Sizes, optimiser and rate are those
of configs/base.py.
Run: jaxrl train lite_ppo
Expect: unmeasured. Differs from configs/grpo.py most where most groups are nearly all
right or all wrong.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "lite_ppo"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    reduction={"name": "token_mean"},
  )
