"""Dr. GRPO: no division by the group's deviation, nor by the length.

Paper: Liu et al., https://arxiv.org/abs/2503.20783 (from memory: 8 samples a question,
learning rate 1e-6, no KL term). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train dr_grpo
Expect: unmeasured. `reward` much as in configs/grpo.py; what the paper promises is a
`length` that does not grow on wrong answers.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The divisor is max_response_tokens, a constant, as in the authors' code."""
  return base.config(
    advantage={"name": "group_mean"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    reduction={"name": "sequence_sum", "divisor": 12.0},
  )
