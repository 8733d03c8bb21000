"""VAPO: lambda by length, clip-higher, token mean, NLL on right answers.

Paper: Yue et al., https://arxiv.org/abs/2504.05118 (from memory: 512 prompts x 16
samples, 16 updates a batch, learning rates 1e-6 and 2e-6; alpha 0.05; NLL weight 0.1;
50 steps of the critic alone first). Sizes, optimiser and rate are those of
configs/base.py, but that the policy waits for 10 batches here.
Run: jaxrl train vapo
Expect: unmeasured. Responses under 20 tokens have lambda 0, so at this size the policy
learns from one-step differences of the critic: it is for long answers.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The critic's rate is twice the policy's."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "vapo_gae", "alpha": 0.05},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.28},
    regularizers=({"name": "losses/positive_nll", "coefficient": 0.1},),
    reduction={"name": "token_mean"},
    value_target={"name": "lambda_return", "lambda_": 1.0},
    schedule={"name": "delayed", "learning_rate": 1e-5, "delay_steps": 40},
    critic_schedule={"name": "constant", "learning_rate": 2e-5},
  )
