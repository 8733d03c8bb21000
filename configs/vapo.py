"""VAPO: lambda by length, clip-higher, token mean, NLL on right answers.

Paper: Yue et al., https://arxiv.org/abs/2504.05118 (512 prompts x 16 samples, 16
updates a batch; learning rates 1e-6 and 2e-6; alpha 0.05; NLL weight 0.1; 50 steps of
the critic alone first, which are not done here). Sizes, optimiser and rate are those of
configs/base.py.
Run: jaxrl train vapo
Expect: unmeasured. Responses under 20 tokens have lambda 0, so at this size the policy
learns from one-step differences of the critic: it is for long answers.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The critic's rate is twice the policy's, as in the paper."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "vapo_gae", "alpha": 0.05},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.28},
    regularizers=({"name": "losses/positive_nll", "coefficient": 0.1},),
    reduction={"name": "token_mean"},
    value_target={"name": "lambda_return", "lambda_": 1.0},
    critic_schedule={"name": "constant", "learning_rate": 2e-5},
  )
