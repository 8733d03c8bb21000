"""ScaleRL: CISPO, prompt mean, deviation of the batch, no flat groups.

Paper: Khatri et al., https://arxiv.org/abs/2510.13786 (from memory: 48 prompts x 16
samples, learning rate 5e-7). Sizes, optimiser and rate are those of configs/base.py.
Its asynchronous rollouts, logits in float32, forced ends of thinking and its curriculum
without solved prompts are no part of this.
Run: jaxrl train scale_rl
Expect: unmeasured. Look at `informative_groups`: the others are out of the
denominators.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    selectors=({"name": "spread_groups"},),
    advantage={"name": "lite_ppo"},
    loss={"name": "cispo", "clip_low": None, "clip_high": 4.0},
    reduction={"name": "prompt_mean"},
  )
