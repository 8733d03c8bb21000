"""PRM Clip and Delta: success, and process rewards that cannot be farmed.

Paper: Gao et al., https://arxiv.org/abs/2410.15115 (PPO, Qwen2 and Qwen2.5 of 1.5B and
7B; alpha small, discount 1). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train prm_clip_delta
Expect: unmeasured. Against `prm_step` in its place responses should not grow longer,
and `accuracy` should be a little above that of `accuracy` alone.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The KL coefficient is InstructGPT's; lambda 1 keeps returns telescoping."""
  return base.config(
    **base.FOUR_UPDATES,
    rewards=(
      {"name": "accuracy"},
      {"name": "prm_clip_delta", "alpha": 0.1},
      {"name": "kl_penalty_k1", "coefficient": 0.02},
    ),
    advantage={"name": "gae", "discount": 1.0, "lambda_": 1.0},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    value_target={"name": "lambda_return", "lambda_": 1.0},
    value_loss={"name": "value_clip", "clip": 0.2},
  )
