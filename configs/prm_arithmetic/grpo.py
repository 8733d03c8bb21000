"""Outcomes alone, on sums with visible steps.

Paper: Shao et al., GRPO, https://arxiv.org/abs/2402.03300.
Run: bash scripts/prm_arithmetic.sh (all stages), or this one after the models of steps:
jaxrl train prm_arithmetic/grpo
Expect: see docs/prm_arithmetic.md.
"""

from jaxrl.config import Config
from jaxrl.configs import prm_arithmetic


def config() -> Config:
  """GRPO with the verifier's score."""
  return prm_arithmetic.policy()
