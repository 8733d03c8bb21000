"""DPH-RL with the Jensen-Shannon divergence.

Paper: Li et al., https://arxiv.org/abs/2509.07430. The term is on the policy's own
samples, see configs/dph_rl.py. Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train dph_rl_js
Expect: unmeasured. The divergence is at most log 2, so its pull is weaker than that of
configs/dph_rl.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.28},
    regularizers=({"name": "js", "coefficient": 0.01},),
  )
