"""GSPO-token: the response's ratio, each token's own gradient.

Paper: Zheng et al., https://arxiv.org/abs/2507.18071, section 4.3. Sizes, optimiser and
rate are those of configs/base.py.
Run: jaxrl train gspo_token
Expect: the numbers of configs/gspo.py, as long as the advantage is one number a
response; it differs for rewards per token.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "group_norm"},
    loss={"name": "gspo_token", "clip_low": 3e-4, "clip_high": 4e-4},
    reduction={"name": "sequence_mean"},
  )
