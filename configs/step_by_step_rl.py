"""Step-by-step RL: PPO on the mean of the steps' scores.

Paper: Pan et al., https://arxiv.org/abs/2311.05821 (steps are lines; mean, product,
minimum and maximum compared; KL coefficient 0.05 is chosen here). Sizes, optimiser and
rate are those of configs/base.py.
Run: jaxrl train step_by_step_rl
Expect: unmeasured. The authors find help on easy problems and harm on hard ones, and
that the aggregation decides: prm_product, prm_minimum and prm_maximum are the others.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """No verifier's reward: the process reward model is all there is."""
  return base.config(
    **base.FOUR_UPDATES,
    rewards=({"name": "prm_mean"}, {"name": "kl_penalty_k1", "coefficient": 0.05}),
    advantage={"name": "gae", "discount": 1.0, "lambda_": 0.95},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    value_target={"name": "lambda_return", "lambda_": 0.95},
    value_loss={"name": "value_clip", "clip": 0.2},
  )
