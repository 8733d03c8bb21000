"""TP-GRPO: GRPO whose credit also depends on the thought.

Paper: He et al., https://arxiv.org/abs/2507.23317 (8 samples a prompt, learning rate
1e-6, several updates on each round of samples). The KL coefficient, not given, is
0.001. Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train tp_grpo
Expect: unmeasured. The authors match GRPO with a sixth of its solutions.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    rewards=({"name": "accuracy"},),
    advantage={"name": "tp_grpo", "alpha": 1.0},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    regularizers=({"name": "kl_k3", "coefficient": 0.001},),
  )
