"""Clip-Cov: a few tokens of high covariance do not train.

Paper: Cui et al., https://arxiv.org/abs/2505.22617 (from memory: 256 prompts x 8
samples; a share of 2e-4 of the tokens, covariances from 1 to 5). Sizes, optimiser and
rate are those of configs/base.py.
Run: jaxrl train clip_cov
Expect: unmeasured. `entropy` falls slower than without; `clip_cov_fraction` is at least
one token a step, which is a larger share here than in the paper.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    corrections=({"name": "clip_cov", "fraction": 2e-4, "covariance": (1.0, 5.0)},),
  )
