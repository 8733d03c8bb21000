"""An entropy bonus that acts only where entropy is short.

Paper: Skywork-OR1, He et al., https://arxiv.org/abs/2505.22312 (target 0.2 nats, steps
of 0.005; no KL term, token mean, no flat groups). Sizes, optimiser and rate are those
of configs/base.py.
Run: jaxrl train entropy_control
Expect: unmeasured. `entropy_bonus_coefficient` stays 0 until `entropy` falls under the
target, then holds it there.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """Groups without spread neither train nor count."""
  return base.config(
    **base.FOUR_UPDATES,
    selectors=({"name": "informative_groups"},),
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    regularizers=({"name": "entropy_bonus", "coefficient": 0.0},),
    controllers=(
      {
        "name": "adaptive_entropy",
        "of": "entropy_bonus",
        "target": 0.2,
        "delta": 0.005,
      },
    ),
  )
