"""Line rewards for code: PPO on the unit tests' verdict and a score of each line.

Paper: Dai et al., https://arxiv.org/abs/2410.17621 (PPO with lambda 0.95; the critic
starts from the process reward model, which no config says). Sizes, optimiser, rate and
problems are those of configs/base.py; `code` has problems with unit tests.
Run: jaxrl train code_line_prm_ppo
Expect: unmeasured. The authors gain 1.6 points of LiveCodeBench over the verdict alone.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The KL coefficient is InstructGPT's."""
  return base.config(
    **base.FOUR_UPDATES,
    rewards=(
      {"name": "accuracy"},
      {"name": "prm_lines", "lambda_": 0.25},
      {"name": "kl_penalty_k1", "coefficient": 0.02},
    ),
    advantage={"name": "gae", "discount": 1.0, "lambda_": 0.95},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    value_target={"name": "lambda_return", "lambda_": 0.95},
    value_loss={"name": "value_clip", "clip": 0.2},
  )
