"""PURE: credit to the worst step, a baseline by tokens, and the verifier's reward.

Paper: Cheng et al., https://arxiv.org/abs/2504.15275 (4 samples a prompt, temperature
0.1 of the weights, KL coefficient 0.001, learning rate 5e-7). Sizes, optimiser and rate
are those of configs/base.py.
Run: jaxrl train pure
Expect: unmeasured. With `prm_sum` for `pure` training is to collapse within some
hundred steps; outcome_coefficient 0 is the paper's run without a verifier.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The outcome comes with the advantage, so `accuracy` is not among the rewards."""
  return base.config(
    **base.FOUR_UPDATES,
    rewards=(
      {"name": "pure", "temperature": 0.1},
      {"name": "kl_penalty_k1", "coefficient": 0.001},
    ),
    advantage={"name": "pure_token", "outcome_coefficient": 1.0},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
  )
