"""CISPO: the importance weight is clipped, no token loses its gradient.

Paper: MiniMax-M1, https://arxiv.org/abs/2506.13585 (16 updates a batch, from memory;
the upper bound is not given, so 5 as TRL recommends; no lower bound, no KL term).
Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train cispo
Expect: unmeasured. `capped_fraction` near 0 at this size: the cap is for rare tokens.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "group_norm"},
    loss={"name": "cispo", "clip_low": None, "clip_high": 4.0},
    reduction={"name": "token_mean"},
  )
