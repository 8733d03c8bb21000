"""DPH-RL: the forward KL keeps what the first model could do.

Paper: Li et al., https://arxiv.org/abs/2509.07430. It adds the term on stored samples
of prompts that the first model solved nearly always, and no term on the others; here it
is on the policy's own samples of all prompts. Sizes, optimiser and rate are those of
configs/base.py.
Run: jaxrl train dph_rl
Expect: unmeasured. pass@k (evaluation.samples) should fall less than with a reverse KL,
and `entropy` stay higher.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.28},
    regularizers=({"name": "forward_kl", "coefficient": 0.01},),
  )
