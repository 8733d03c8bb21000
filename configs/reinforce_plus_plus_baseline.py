"""REINFORCE++-baseline: group mean, whitened tokens, k2 in the loss.

Paper: Hu et al., https://arxiv.org/abs/2501.03262 (the KL term with k2; its coefficient
is verl's default here). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train reinforce_plus_plus_baseline
Expect: unmeasured. Groups without spread get a small advantage too: see the method.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "reinforce_plus_plus_baseline"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    regularizers=({"name": "kl_k2", "coefficient": 0.001},),
  )
