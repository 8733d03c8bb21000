"""RAFT: supervised training on the policy's own right answers.

Paper: Dong et al., https://arxiv.org/abs/2304.06767. It keeps the best of many samples
a prompt and trains long on them; here every right answer, once. Sizes, optimiser and
rate are those of configs/base.py.
Run: jaxrl train rejection_sampling
Expect: unmeasured. `entropy` falls faster than in configs/base.py: nothing pushes down.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The advantage is read by nothing."""
  return base.config(
    selectors=({"name": "only_correct"},),
    loss={"name": "sft"},
    reduction={"name": "token_mean"},
  )
