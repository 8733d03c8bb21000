"""GRPO as published: group z-scores, clipped ratio, k3 KL in the loss, sequence means.

Paper: DeepSeekMath, Shao et al., https://arxiv.org/abs/2402.03300, Algorithm 1
(64 samples a question, one update a batch, KL coefficient 0.04, learning rate 1e-6).
Run: jaxrl train grpo
Expect: as the quickstart, which is this without the KL term and by token means: reward
from about 0.25 past 0.6 in some 30 steps, each a few seconds longer for the reference.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The paper's objective; with its one update a batch the clip never acts."""
  return base.config(
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    regularizers=({"name": "kl_k3", "coefficient": 0.04},),
    reduction={"name": "sequence_mean"},
  )
