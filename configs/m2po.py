"""M2PO: tokens are masked until the log-ratio's second moment is small.

Paper: Zheng et al., https://arxiv.org/abs/2510.01161 (threshold 0.04; data hundreds of
updates old). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train m2po
Expect: unmeasured. `m2po_masked` is 0 in the first update of a batch and small later.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """There is no clip beside the mask, so the ratio has no cap."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "group_norm"},
    loss={"name": "truncated_is", "ratio_cap": float("inf")},
    corrections=({"name": "m2po", "threshold": 0.04},),
  )
