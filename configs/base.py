"""What all named methods share: REINFORCE with the group mean, at a laptop's size.

Paper: Williams 1992, https://doi.org/10.1007/BF00992696, with the baseline of Dr. GRPO,
https://arxiv.org/abs/2503.20783. A named method is `config(...)` of what it changes, so
that two runs differ in nothing but the idea.
Run: jaxrl train base
Expect: on one-digit arithmetic SmolLM2-135M's `reward` rises, as in configs/grpo.py;
a step is cheaper than there, without the reference model. Unmeasured.
"""

import dataclasses
from typing import Any

from jaxrl.config import Config, SamplingConfig

# With one update a batch pi = pi_old, and all that bounds or weighs ratios is idle.
FOUR_UPDATES = {"epochs_per_batch": 2, "mini_batches": 2}

BASE = Config(
  steps=100,
  prompts_per_step=8,
  group_size=8,
  micro_batches=2,
  sampling=SamplingConfig(max_prompt_tokens=128, max_response_tokens=16),
  advantage={"name": "group_mean"},
  loss={"name": "reinforce"},
  reduction={"name": "token_mean"},
  optimizer={"name": "adamw"},
  schedule={"name": "constant", "learning_rate": 1e-5},
)


def config(**changes: Any) -> Config:
  """The shared run with some fields changed."""
  return dataclasses.replace(BASE, **changes)
