"""A model of steps on labels by completions.

Paper: Wang et al., https://arxiv.org/abs/2312.08935, on sums that small models learn.
Run: bash scripts/prm_arithmetic.sh (all stages), or this one after imitate:
jaxrl train prm_arithmetic/prm_mc
Expect: see docs/prm_arithmetic.md.
"""

from jaxrl.config import Config
from jaxrl.configs import prm_arithmetic


def config() -> Config:
  """Cross-entropy on labels by completions."""
  return prm_arithmetic.model_of_steps(
    "mc",
    labels={"name": "math_shepherd_hard"},
  )
