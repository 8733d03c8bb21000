"""NSR: only wrong answers train.

Paper: Zhu et al., https://arxiv.org/abs/2506.01347 (from memory: 1024 prompts x 8
samples, learning rate 1e-6). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train nsr
Expect: unmeasured. Pushing down alone works from a model that is often right; where it
is rarely right, as here in the beginning, expect it to be slow or to drift.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    selectors=({"name": "only_incorrect"},),
    advantage={"name": "weighted_reinforce", "positive_weight": 0.0},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
  )
