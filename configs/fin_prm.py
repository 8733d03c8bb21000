"""Fin-PRM: GRPO with a process reward for the steps and for the whole.

Paper: Zhou et al., https://arxiv.org/abs/2508.15202 (6 samples a question, KL loss
0.001, learning rate 1e-6). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train fin_prm --prm runs/prm-fin_prm
Expect: unmeasured; the authors gain 3.3 points over the rule's reward alone.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The reward is added to the outcome."""
  return base.config(
    **base.FOUR_UPDATES,
    cut={"name": "final_answer"},
    rewards=({"name": "accuracy"}, {"name": "fin_prm"}),
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip"},
    regularizers=({"name": "kl_k3", "coefficient": 0.001},),
  )
