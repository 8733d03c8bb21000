"""Credit on every token, by an implicit model that learns along with the policy.

Paper: Cui et al., PRIME, https://arxiv.org/abs/2502.01456.
Run: bash scripts/prm_arithmetic.sh (all stages), or this one after imitate:
jaxrl train prm_arithmetic/prime
Expect: see docs/prm_arithmetic.md.
"""

from jaxrl.config import Config
from jaxrl.configs import prm_arithmetic


def config() -> Config:
  """PRIME; the model starts as the policy does, and learns at its rate."""
  return prm_arithmetic.policy(
    advantage={"name": "prime"},
    prm_update="before",
    prm_schedule={"name": "constant", "learning_rate": 2e-5},
  )
