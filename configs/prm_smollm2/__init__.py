"""SmolLM2-135M on short sums: labels, a model of steps, its uses."""

import dataclasses
from typing import Any

from jaxrl.config import (
  Config,
  EvaluationConfig,
  LabellingConfig,
  ModelConfig,
  SamplingConfig,
)
from jaxrl.configs import prm

FOLDER = "runs/prm_smollm2"
SUMS = {
  "name": "reasoning_gym",
  "mix": ("chain_sum(min_terms=3, max_terms=5, min_digits=1, max_digits=1)",),
  "draws": 2000,
  "test_fraction": 0.2,
  "answer_form": "ending",
  "instruction": "",
  "system": prm.SYSTEM,
}

BASE = prm.config(
  # SmolLM2 as it comes writes a line or two, and one in twenty ends right: `imitate`
  # has shown it some worked sums.
  model=ModelConfig(path=f"{FOLDER}/policy"),
  labels_of=SUMS,
  sampling=SamplingConfig(
    max_prompt_tokens=96, max_response_tokens=64, prompt_bucket_tokens=16
  ),
  # Few completions of many prefixes: a soft label of two is as true on average as one
  # of eight, and more solutions are seen for the same work.
  labelling=LabellingConfig(
    problems=256, solutions=4, completions=2, batch_problems=64, batch_prefixes=64
  ),
  evaluation=EvaluationConfig(problems=100, batch_rows=16),
)


def config(**changes: Any) -> Config:
  """The shared setting with some fields changed."""
  return dataclasses.replace(BASE, **changes)
