"""GRPO of DeepSeek-V3.2: unbiased KL term, off-policy sequence masking.

Paper: DeepSeek-AI, https://arxiv.org/abs/2512.02556 (no threshold or coefficient given:
those of TRL and verl). Its routing and sampling masks are no part of this. Sizes,
optimiser and rate are those of configs/base.py.
Run: jaxrl train deepseek_v3_2
Expect: unmeasured. `off_policy_masked` near 0 at four updates a batch; it is for older
data.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "group_mean"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    corrections=({"name": "deepseek_mask", "threshold": 0.5},),
    regularizers=({"name": "kl_importance", "coefficient": 0.001},),
    reduction={"name": "sequence_mean"},
  )
