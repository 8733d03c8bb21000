"""DPPO: a trust region in KL divergence, not in ratios.

Paper: Qi et al., https://arxiv.org/abs/2602.04879 (limits of 0.05 from a run script for
verl). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train dppo_kl
Expect: unmeasured. Compare `clip_fraction` with that of configs/dppo_tv.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    loss={"name": "dppo_kl", "divergence_low": 0.05, "divergence_high": 0.05},
  )
