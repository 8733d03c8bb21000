"""OPO: exactly on policy, with the length-weighted baseline.

Paper: Hao et al., https://arxiv.org/abs/2505.23585 (from memory: one update a batch,
neither KL nor entropy term). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train opo
Expect: unmeasured. Answers of nearly one length make it configs/base.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """One update a batch is part of the method."""
  return base.config(
    advantage={"name": "opo"},
  )
