"""80/20: only the fifth of the tokens with the highest entropy trains.

Paper: Wang et al., https://arxiv.org/abs/2506.01939 (on top of DAPO: clip 0.2 and 0.28,
token mean over all tokens). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train top_entropy
Expect: unmeasured. One-digit answers have few forking tokens, so `reward` rises slower
than in configs/base.py; the paper gains at 8B parameters and more.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The mean is over all tokens, those left out included."""
  return base.config(
    **base.FOUR_UPDATES,
    selectors=({"name": "top_entropy_tokens", "fraction": 0.2},),
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.28},
    reduction={"name": "drawn_token_mean"},
  )
