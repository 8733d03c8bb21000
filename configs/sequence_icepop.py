"""Masked importance sampling of responses, at most 3.

Paper: Liu et al.,
https://yingru.notion.site/When-Speed-Kills-Stability-271211a558b7808d8b12d403fd15edda
(cap 3 of TRL). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train sequence_icepop
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
    corrections=({"name": "sequence_icepop", "low": None, "high": 3.0},),
  )
