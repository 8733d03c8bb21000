"""VC-PPO: the critic learns from lambda 1, the policy from 0.95.

Paper: Yuan et al., https://arxiv.org/abs/2503.01491 (from memory: learning rates 1e-6
of the actor, 2e-6 of the critic, which is trained alone first). Sizes, optimiser and
rate are those of configs/base.py, but that the policy waits for 10 batches here.
Run: jaxrl train vc_ppo
Expect: unmeasured. Compare with configs/ppo.py: on answers of a few tokens lambda
matters little, the paper's are thousands long.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The critic's rate is twice the policy's."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "gae", "discount": 1.0, "lambda_": 0.95},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    value_target={"name": "lambda_return", "lambda_": 1.0},
    schedule={"name": "delayed", "learning_rate": 1e-5, "delay_steps": 40},
    critic_schedule={"name": "constant", "learning_rate": 2e-5},
  )
