"""AsymRE: REINFORCE off policy, with a lowered baseline.

Paper: Arnal et al., https://arxiv.org/abs/2506.20520 (the shift of -0.1 is
Trinity-RFT's). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train asymre
Expect: unmeasured. Groups that were all right train too, so `entropy` falls faster than
in configs/base.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """A sum over a response's tokens; the divisor only keeps its size."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "group_mean"},
    loss={"name": "asymre", "baseline_shift": -0.1},
    reduction={"name": "sequence_sum", "divisor": 12.0},
  )
