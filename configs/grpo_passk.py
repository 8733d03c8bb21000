"""Best of the group minus second best, for the best alone.

Paper: Tang et al., https://arxiv.org/abs/2503.19595. Sizes, optimiser and rate are
those of configs/base.py.
Run: jaxrl train grpo_passk
Expect: unmeasured. Most rows have no advantage, so `reward` rises slower than in
configs/base.py; watch pass@k (evaluation.samples).
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With rewards of 0 and 1 only a group's single right answer trains."""
  return base.config(
    advantage={"name": "grpo_passk"},
  )
