"""REINFORCE: a plain sum over the batch's tokens.

Paper: Williams 1992, https://doi.org/10.1007/BF00992696; the baseline is the group's
mean, https://arxiv.org/abs/2503.20783. Sizes, optimiser and rate are those of
configs/base.py.
Run: jaxrl train reinforce
Expect: close to configs/base.py: Adam takes out the size of a sum, but max_grad_norm
acts more often.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """A longer batch takes a larger step, up to the norm's bound."""
  return base.config(
    reduction={"name": "token_sum"},
  )
