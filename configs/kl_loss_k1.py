"""The k1 estimator in the loss: it does not regularise.

Paper: Liu et al., https://arxiv.org/abs/2510.01555, who show why. Sizes, optimiser and
rate are those of configs/base.py.
Run: jaxrl train kl_loss_k1
Expect: as configs/base.py with more noise: the term's expected gradient is zero.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """Here to compare; use `kl` as in configs/kl_control.py."""
  return base.config(
    regularizers=({"name": "kl_k1", "coefficient": 0.01},),
  )
