"""What all process reward models share: they differ in nothing but the method."""

import dataclasses
from typing import Any

from jaxrl.config import Config, LabellingConfig, SamplingConfig
from jaxrl.configs.base import EASY_ARITHMETIC

BASE = Config(
  steps=200,
  prompts_per_step=16,
  group_size=1,
  micro_batch_tokens=512,
  packed_row_tokens=256,
  task={"name": "labelled_steps", "path": "labels.jsonl"},
  labels_of={**EASY_ARITHMETIC, "system": "Work it out step by step, a line each."},
  sampling=SamplingConfig(
    max_prompt_tokens=128, max_response_tokens=96, prompt_bucket_tokens=32
  ),
  labelling=LabellingConfig(problems=200, solutions=4, completions=8),
  explore={"name": "recorded"},
  advantage={"name": "group_mean"},
  loss={"name": "prm/objectives/step_bce"},
  reduction={"name": "token_mean"},
  optimizer={"name": "adamw"},
  schedule={"name": "constant", "learning_rate": 1e-5},
)


def config(**changes: Any) -> Config:
  """The shared run with some fields changed."""
  return dataclasses.replace(BASE, **changes)
