"""REINFORCE++: no group, reward-to-go whitened over the batch.

Paper: Hu et al., https://arxiv.org/abs/2501.03262 (PPO's clip, KL penalty of every
token in the reward; coefficient 0.01 of OpenRLHF). Sizes, optimiser and rate are those
of configs/base.py.
Run: jaxrl train reinforce_plus_plus
Expect: unmeasured. Noisier than a group's baseline where prompts differ in difficulty.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    rewards=({"name": "accuracy"}, {"name": "kl_penalty_k1", "coefficient": 0.01}),
    advantage={"name": "reinforce_plus_plus"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
  )
