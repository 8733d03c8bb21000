"""StableReinforce: bounded log-ratios, outliers without advantage.

Paper: Zhang et al., R1-Reward, https://arxiv.org/abs/2505.02835 (rewards by a judge,
which is not here: correctness and half of the form). Sizes, optimiser and rate are
those of configs/base.py.
Run: jaxrl train stable_reinforce
Expect: unmeasured. Without failures it runs as configs/reinforce_plus_plus.py without
its KL penalty.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    rewards=({"name": "accuracy"}, {"name": "answer_format", "weight": 0.5}),
    advantage={"name": "stable_reinforce", "limit": 3.0},
    loss={"name": "stable_reinforce", "ratio_min": 1e-3, "ratio_max": 1e3},
    reduction={"name": "sequence_mean"},
  )
