"""The stages of the arithmetic run: imitation, labels, models of steps, their use."""

import dataclasses
from typing import Any

from jaxrl.config import (
  Config,
  EvaluationConfig,
  LabellingConfig,
  ModelConfig,
  SamplingConfig,
)

POLICY = "runs/prm_arithmetic/policy"  # the imitated model, exported

BASE = Config(
  model=ModelConfig(path=POLICY, chat=False),
  task={"name": "arithmetic_steps"},
  prompts_per_step=64,
  group_size=1,
  micro_batch_tokens=4096,
  packed_row_tokens=256,
  # The imitated model is always right at temperature 0 and one time in nine at this
  # one: there are mistakes to find, and every prefix that is right can be completed.
  sampling=SamplingConfig(
    temperature=1.7,
    max_prompt_tokens=24,
    max_response_tokens=72,
    prompt_bucket_tokens=48,
  ),
  evaluation=EvaluationConfig(problems=200),
  # Who completes makes few slips of its own: what fails is then the prefix's fault.
  labelling=LabellingConfig(
    problems=200,
    solutions=4,
    completions=16,
    completion_temperature=1.0,
    batch_problems=16,
    batch_prefixes=16,
  ),
  advantage={"name": "group_mean"},
)


def config(**changes: Any) -> Config:
  """The shared setting with some fields changed."""
  return dataclasses.replace(BASE, **changes)


def model_of_steps(name: str, **changes: Any) -> Config:
  """A model of steps on a file of labels; its trunk is the policy's."""
  folder = "runs/prm_arithmetic"
  return config(
    steps=200,
    task={
      "name": "labelled_steps",
      "path": f"{folder}/{name}.jsonl",
      "test_path": f"{folder}/test.jsonl",
    },
    labels_of={"name": "arithmetic_steps"},
    explore={"name": "recorded"},
    loss={"name": "prm/objectives/step_bce"},
    schedule={"name": "constant", "learning_rate": 3e-4},
    **changes,
  )


def policy(**changes: Any) -> Config:
  """Reinforcement learning from the imitated model."""
  shared = {
    # Easier than what the models of steps learn from: a third of the samples is right.
    "sampling": dataclasses.replace(BASE.sampling, temperature=1.5),
    "steps": 30,
    "prompts_per_step": 16,
    "group_size": 8,
    "evaluation": EvaluationConfig(problems=100, samples=4, every_steps=10),
    "advantage": {"name": "group_norm"},
    "loss": {"name": "ppo_clip"},
    "schedule": {"name": "constant", "learning_rate": 5e-5},
  }
  return config(**{**shared, **changes})
