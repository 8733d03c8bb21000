"""What all process reward models share: they differ in nothing but the method."""

import dataclasses
from typing import Any

from jaxrl.config import Config, LabellingConfig, SamplingConfig
from jaxrl.configs.base import EASY_ARITHMETIC

SYSTEM = "Work it out step by step, a line each."

BASE = Config(
  steps=200,
  prompts_per_step=16,
  group_size=1,
  micro_batch_tokens=512,
  packed_row_tokens=256,
  task={"name": "labelled_steps", "path": "labels.jsonl"},
  labels_of={**EASY_ARITHMETIC, "system": SYSTEM},
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


def labelling(**changes: Any) -> LabellingConfig:
  """How the shared run labels, with some fields changed."""
  return dataclasses.replace(BASE.labelling, **changes)


# Models that write what they find: long prompts, with a solution in them, and answers.
GENERATIVE = dataclasses.replace(
  BASE,
  micro_batch_tokens=2560,
  packed_row_tokens=1280,
  sampling=SamplingConfig(
    max_prompt_tokens=768, max_response_tokens=512, prompt_bucket_tokens=128
  ),
)


def generative(**changes: Any) -> Config:
  """The shared run of a model that writes its judgements, with some fields changed."""
  return dataclasses.replace(GENERATIVE, **changes)


def imitation(**changes: Any) -> Config:
  """One that learns from judgements in a file."""
  return generative(
    **{
      "explore": {"name": "demonstrations"},
      "selectors": ({"name": "drop_truncated"},),
      "loss": {"name": "sft"},
      **changes,
    }
  )
