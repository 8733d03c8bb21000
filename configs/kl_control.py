"""A KL term whose coefficient follows a target.

Paper: Ziegler et al., https://arxiv.org/abs/1909.08593 (KL in the reward, targets of 6
nats a response and up); the term is that of Liu et al.,
https://arxiv.org/abs/2510.01555. The target is verl's 0.1 nats a token, the horizon
short enough to act within 100 steps. Sizes, optimiser and rate are those of
configs/base.py.
Run: jaxrl train kl_control
Expect: unmeasured. `kl` rises to the target, `kl_coefficient` falls while it is below.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The controller sets the coefficient after each update."""
  return base.config(
    regularizers=({"name": "kl", "coefficient": 0.1},),
    controllers=(
      {
        "name": "adaptive_kl",
        "of": "kl",
        "initial": 0.1,
        "target": 0.1,
        "horizon": 1000,
        "rows": 64,
      },
    ),
  )
