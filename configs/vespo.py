"""VESPO: a smooth kernel of the response's importance weight.

Paper: Shen et al., https://arxiv.org/abs/2602.10693 (kernel constants of the authors'
code). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train vespo
Expect: unmeasured. Its weight counts the sampler's difference too, so it needs no
correction.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "group_norm"},
    loss={"name": "vespo"},
    reduction={"name": "token_mean"},
  )
