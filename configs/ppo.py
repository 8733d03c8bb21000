"""PPO with a critic, and a KL penalty in the reward.

Paper: Schulman et al., https://arxiv.org/abs/1707.06347 (clip 0.2, lambda 0.95), as for
language models in InstructGPT, https://arxiv.org/abs/2203.02155 (KL coefficient 0.02,
discount 1). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train ppo
Expect: unmeasured. The critic costs a second model; `value_loss` should fall before
`reward` rises much.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    rewards=({"name": "accuracy"}, {"name": "kl_penalty_k1", "coefficient": 0.02}),
    advantage={"name": "gae", "discount": 1.0, "lambda_": 0.95},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    value_target={"name": "lambda_return", "lambda_": 0.95},
    value_loss={"name": "value_clip", "clip": 0.2},
  )
