"""GSPO: one clipped ratio a response.

Paper: Zheng et al., https://arxiv.org/abs/2507.18071 (each batch in four mini-batches,
clip 3e-4 and 4e-4). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train gspo
Expect: unmeasured. `clip_fraction` is far higher than with token ratios, which the
authors report too.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "group_norm"},
    loss={"name": "gspo", "clip_low": 3e-4, "clip_high": 4e-4},
    reduction={"name": "sequence_mean"},
  )
