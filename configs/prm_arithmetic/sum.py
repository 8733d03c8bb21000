"""The sum of step scores as the reward: what collapses.

Paper: Cheng et al., PURE, https://arxiv.org/abs/2504.15275, section 3.
Run: bash scripts/prm_arithmetic.sh (all stages), or this one after the models of steps:
jaxrl train prm_arithmetic/sum
Expect: see docs/prm_arithmetic.md.
"""

from jaxrl.config import Config
from jaxrl.configs import prm_arithmetic


def config() -> Config:
  """More steps with fair scores earn more."""
  return prm_arithmetic.policy(
    prm="runs/prm_arithmetic-prm_mc",
    rewards=({"name": "prm_sum"},),
    advantage={"name": "group_norm"},
  )
