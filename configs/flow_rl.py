"""FlowRL: the policy matches the distribution of rewards.

Paper: Zhu et al., https://arxiv.org/abs/2509.15207 (beta 15). Sizes, optimiser and rate
are those of configs/base.py.
Run: jaxrl train flow_rl
Expect: unmeasured. Keeps `entropy` higher than configs/grpo.py; the head for log Z
starts from nothing, so the first steps teach mostly that.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "group_norm"},
    loss={"name": "flow_rl", "beta": 15.0},
    reduction={"name": "sequence_mean"},
  )
