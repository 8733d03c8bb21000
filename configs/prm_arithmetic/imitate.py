"""A small model learns sums with visible steps from worked solutions.

Paper: supervised fine-tuning as in Ouyang et al., https://arxiv.org/abs/2203.02155.
Run: jaxrl train prm_arithmetic/imitate
Expect: about half of the unseen sums solved, on 2 CPU cores in a few minutes.
"""

import dataclasses

from jaxrl.config import Config, ModelConfig
from jaxrl.configs import prm_arithmetic


def config() -> Config:
  """Supervised fine-tuning of a new model over bytes."""
  return dataclasses.replace(
    prm_arithmetic.config(),
    steps=400,
    model=ModelConfig(path="bytes:4x128", chat=False),
    explore={"name": "demonstrations"},
    loss={"name": "sft"},
    optimizer={"name": "adamw"},
    schedule={"name": "constant", "learning_rate": 1e-3},
  )
