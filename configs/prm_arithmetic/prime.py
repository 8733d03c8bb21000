"""Credit on every token, by an implicit model that learns along with the policy.

Paper: Cui et al., PRIME, https://arxiv.org/abs/2502.01456.
Run: bash scripts/prm_arithmetic.sh (all stages), or this one after imitate:
jaxrl train prm_arithmetic/prime
Expect: see docs/prm_arithmetic.md.
"""

from jaxrl.config import Config
from jaxrl.configs import prm_arithmetic


def config() -> Config:
  """PRIME; the model starts as the policy does, and learns as fast as models of steps.

  At the policy's own rate, 5e-5, it had not learnt what is right when its rewards had
  already spoilt the policy (0.36 of the samples right before, 0.11 after). Without the
  division by the batch's largest return, which makes as much of what a model says that
  has not learnt yet: with it (`advantages/prime`, coefficients 5 and 1) the policy lost
  everything within 20 steps, at twice that rate.
  """
  return prm_arithmetic.policy(
    advantage={"name": "prime_recipe", "batch_norm": False},
    prm_update="before",
    prm_schedule={"name": "constant", "learning_rate": 3e-4},
  )
