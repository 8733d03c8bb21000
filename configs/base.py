"""What all named methods share: REINFORCE with the group mean, at a laptop's size.

Paper: Williams 1992, https://doi.org/10.1007/BF00992696, with the baseline of Dr. GRPO,
https://arxiv.org/abs/2503.20783. A named method is `config(...)` of what it changes, so
that two runs differ in nothing but the idea. Problems and sizes are the quickstart's.
Run: jaxrl train base
Expect: the setting is that of the quickstart, where GRPO took SmolLM2-135M from 0.22 to
0.75 on unseen questions in 30 steps; this very config is unmeasured.
"""

import dataclasses
from typing import Any

from jaxrl.config import Config, SamplingConfig

# With one update a batch pi = pi_old, and all that bounds or weighs ratios is idle.
FOUR_UPDATES = {"epochs_per_batch": 2, "mini_batches": 2}

EASY_ARITHMETIC = {
  "name": "reasoning_gym",
  "mix": (
    "chain_sum(min_terms=2, max_terms=2, min_digits=1, max_digits=1)",
    "products(min_terms=2, max_terms=2, min_digits=1, max_digits=1)",
    "gcd(min_numbers=2, max_numbers=2, min_value=1, max_value=9)",
  ),
  "draws": 1000,
  "test_fraction": 0.3,
  "answer_form": "ending",
  "instruction": "",
  "system": "Answer with the number only.",
}

BASE = Config(
  steps=100,
  prompts_per_step=8,
  group_size=8,
  micro_batch_tokens=256,
  packed_row_tokens=256,
  sampling=SamplingConfig(
    max_prompt_tokens=112, max_response_tokens=12, prompt_bucket_tokens=56
  ),
  task=EASY_ARITHMETIC,
  advantage={"name": "group_mean"},
  loss={"name": "reinforce"},
  reduction={"name": "token_mean"},
  optimizer={"name": "adamw"},
  schedule={"name": "constant", "learning_rate": 1e-5},
)


def config(**changes: Any) -> Config:
  """The shared run with some fields changed."""
  return dataclasses.replace(BASE, **changes)
