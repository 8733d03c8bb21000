"""Pass@k Training: z-score of the success of subsets.

Paper: Chen et al., https://arxiv.org/abs/2508.10751. k is half of the group here.
Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train pass_at_k
Expect: unmeasured. Prompts that are mostly solved stop training; watch pass@k
(evaluation.samples) beside `reward`.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """Everything else is the shared run."""
  return base.config(
    advantage={"name": "pass_at_k_norm", "k": 4},
  )
