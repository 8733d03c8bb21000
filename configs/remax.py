"""ReMax: the greedy response's reward is the baseline.

Paper: Li et al., https://arxiv.org/abs/2310.10505 (one sample a prompt and a KL penalty
in the reward, which are not taken over, to compare with configs/base.py).
Run: jaxrl train remax
Expect: unmeasured. One more response a prompt is sampled and verified in each step.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """No group is needed: group_size 1 works."""
  return base.config(
    advantage={"name": "remax"},
  )
