"""Decoupled PPO: clipped around a recomputed policy, weighted by age.

Paper: Hilton et al., https://arxiv.org/abs/2110.00641; for language models AReaL, Fu et
al., https://arxiv.org/abs/2505.24298 (from memory: 512 prompts x 16 samples, 4
mini-batches, clip 0.2, learning rate 2e-5). Sizes, optimiser and rate are those of
configs/base.py.
Run: jaxrl train decoupled_ppo
Expect: unmeasured. The sampler runs the policy's own weights, so the weights are 1 up
to rounding; `sampler_gap` says how far.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The proximal policy is the scorer's, before this batch's first update."""
  return base.config(
    **base.FOUR_UPDATES,
    old_logp="scorer",
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
    corrections=({"name": "token_is", "high": None},),
  )
