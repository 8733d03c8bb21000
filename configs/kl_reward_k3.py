"""The k3 estimator as a penalty in the reward.

Paper: Liu et al., https://arxiv.org/abs/2510.01555, who compare the estimators' places.
Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train kl_reward_k3
Expect: unmeasured. Compare `accuracy` with configs/kl_reward_k2.py and, for k1,
configs/rloo.py; `reward` includes the penalty.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The policy gradient of this penalty is not that of the KL."""
  return base.config(
    rewards=({"name": "accuracy"}, {"name": "kl_penalty_k3", "coefficient": 0.02}),
  )
