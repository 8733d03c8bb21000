"""A small model learns sums with visible steps from worked solutions.

Paper: supervised fine-tuning as in Ouyang et al., https://arxiv.org/abs/2203.02155.
Run: jaxrl train prm_arithmetic/imitate
Expect: see docs/prm_arithmetic.md.
"""

import dataclasses

from jaxrl.config import Config, ModelConfig
from jaxrl.configs import prm_arithmetic


def config() -> Config:
  """Supervised fine-tuning of a new model over bytes."""
  shared = prm_arithmetic.config()
  return dataclasses.replace(
    shared,
    sampling=dataclasses.replace(shared.sampling, temperature=1.0),
    steps=900,
    model=ModelConfig(path="bytes:4x128", chat=False),
    explore={"name": "demonstrations"},
    loss={"name": "sft"},
    optimizer={"name": "adamw"},
    schedule={"name": "cosine", "learning_rate": 1e-3},
  )
