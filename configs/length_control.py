"""Cosine length reward and a penalty on repeated n-grams.

Paper: Yeo et al., https://arxiv.org/abs/2502.03373 (PPO with a critic, responses of
16384 tokens, n-grams of 40). Scaled down: 64 tokens, n-grams of 8, and REINFORCE++ in
place of the critic. Other sizes are those of configs/base.py.
Run: jaxrl train length_control
Expect: unmeasured. `length` of right answers falls, that of wrong ones rises towards
the limit; `reward` is on the scale of the shaped reward.
"""

from jaxrl.config import Config, SamplingConfig
from jaxrl.configs import base


def config() -> Config:
  """The prompt asks to reason first, so that lengths differ."""
  return base.config(
    **base.FOUR_UPDATES,
    sampling=SamplingConfig(max_prompt_tokens=128, max_response_tokens=64),
    task={
      "name": "reasoning_gym",
      "answer_form": "ending",
      "instruction": "Think step by step, then end with the final answer.",
    },
    rewards=(
      {"name": "cosine_length", "max_tokens": 64},
      {"name": "repetition_penalty", "n": 8},
    ),
    advantage={"name": "reinforce_plus_plus"},
    loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
  )
