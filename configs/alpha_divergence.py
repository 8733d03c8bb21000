"""An alpha-divergence to the reference, between both KLs.

Paper: f-DPG, Go et al., https://arxiv.org/abs/2302.08215, for the divergence; its
target distribution is no part of this, and alpha and coefficient are assumptions.
Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train alpha_divergence
Expect: unmeasured. At 0.5 between configs/kl_control.py and configs/dph_rl.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """alpha 0.5 is the squared Hellinger distance, times 4."""
  return base.config(
    regularizers=({"name": "alpha_divergence", "alpha": 0.5, "coefficient": 0.01},),
  )
