"""Responses whose mean sampler mismatch is large do not train.

Paper: Liu et al.,
https://yingru.notion.site/When-Speed-Kills-Stability-271211a558b7808d8b12d403fd15edda
(band 0.999 to 1.001 of verl's presets). Sizes, optimiser and rate are those of
configs/base.py.
Run: jaxrl train rejection_geometric
Expect: unmeasured. Nothing is rejected in float32; in bfloat16 short answers are,
often: widen the band, and watch `sampler_gap`.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The selector takes rows out of the denominators too, as verl does."""
  return base.config(
    **base.FOUR_UPDATES,
    old_logp="scorer",
    selectors=({"name": "reject_geometric", "low": 0.999, "high": 1.001},),
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
  )
