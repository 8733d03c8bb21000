"""W-REINFORCE: right answers weigh a tenth, wrong ones 1.

Paper: Zhu et al., https://arxiv.org/abs/2506.01347 (weight 0.1; from memory 1024
prompts x 8 samples, learning rate 1e-6). Sizes, optimiser and rate are those of
configs/base.py.
Run: jaxrl train weighted_reinforce
Expect: unmeasured. `entropy` stays higher than in configs/base.py; groups that were all
wrong train too.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "weighted_reinforce", "positive_weight": 0.1},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
  )
