"""Informative groups are kept, and replace groups without spread.

Paper: RePO, Li et al., https://arxiv.org/abs/2506.09340, and the buffer of TRL's
GRPOWithReplayBufferTrainer. Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train replay
Expect: unmeasured. Every group of a batch trains once the buffer has filled, old ones
off policy: `clip_fraction` is above 0 although a batch has one update.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The buffer holds as many groups as a batch."""
  return base.config(
    replay_groups=8,
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
  )
