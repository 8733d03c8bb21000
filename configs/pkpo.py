"""PKPO: unbiased gradient of the best of k samples.

Paper: Walder and Karkhanis, https://arxiv.org/abs/2505.15201. Sizes, optimiser and rate
are those of configs/base.py.
Run: jaxrl train pkpo
Expect: unmeasured. Watch pass@k (evaluation.samples) beside `reward`.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """k = 1 would be RLOO."""
  return base.config(
    advantage={"name": "pkpo", "k": 4},
  )
