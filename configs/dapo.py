"""DAPO: clip-higher, token mean, dynamic sampling, soft overlong punishment.

Paper: Yu et al., https://arxiv.org/abs/2503.14476 (512 prompts x 16 samples, 16 updates
a batch, learning rate 1e-6, responses of 20480 tokens with a buffer of 4096, clip 0.2
and 0.28, no KL term). The buffer is scaled down with the response; other sizes are
those of configs/base.py.
Run: jaxrl train dapo
Expect: unmeasured. `informative_groups` of 1 in what trains, at the price of `rounds`
of sampling, which grow as prompts are solved; `entropy` falls slower than in
configs/grpo.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """Groups that were all right or all wrong are drawn anew."""
  return base.config(
    **base.FOUR_UPDATES,
    rewards=(
      {"name": "accuracy"},
      {"name": "soft_overlong", "max_tokens": 12, "buffer_tokens": 4},
    ),
    refill=({"name": "informative_groups"},),
    advantage={"name": "group_norm"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.28},
    reduction={"name": "token_mean"},
  )
