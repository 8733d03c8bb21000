"""RLOO: the mean of the other samples is the baseline, KL in the reward.

Paper: Ahmadian et al., https://arxiv.org/abs/2402.14740 (2 or 4 samples a prompt).
TRL's KL coefficient, 0.05. Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train rloo
Expect: unmeasured. `reward` includes the KL penalty; `accuracy` is what to compare.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The loss is of whole responses, a sum; the divisor only keeps its size."""
  return base.config(
    rewards=({"name": "accuracy"}, {"name": "kl_penalty_k1", "coefficient": 0.05}),
    advantage={"name": "rloo"},
    loss={"name": "reinforce"},
    reduction={"name": "sequence_sum", "divisor": 12.0},
  )
