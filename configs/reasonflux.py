"""ReasonFlux-PRM: outcome and process in one reward, normalised in the group.

Paper: Zou et al., https://arxiv.org/abs/2506.18896 (beta 0.75, 6 samples a prompt, KL
loss 0.001 of low variance, learning rate 1e-6). Sizes, optimiser and rate are those of
configs/base.py.
Run: jaxrl train reasonflux
Expect: unmeasured. beta 0 is GRPO, which the authors beat by 4.5 points on average.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """`reasonflux` has the accuracy in it."""
  return base.config(
    **base.FOUR_UPDATES,
    rewards=({"name": "reasonflux", "beta": 0.75},),
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    regularizers=({"name": "kl_k3", "coefficient": 0.001},),
  )
