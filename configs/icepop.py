"""IcePop: tokens on which trainer and sampler disagree do not train.

Paper: Ring-1T, https://arxiv.org/abs/2510.18855 (band 0.5 to 5). Sizes, optimiser and
rate are those of configs/base.py.
Run: jaxrl train icepop
Expect: unmeasured. With this sampler's own float32 the weights are 1 up to rounding;
with model.compute_dtype bfloat16 or top_p they are not: watch `sampler_gap` and
`is_rejected`.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    old_logp="scorer",
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    corrections=({"name": "icepop", "low": 0.5, "high": 5.0},),
  )
