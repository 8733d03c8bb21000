"""A small transformer on a frozen model's attention and probabilities.

Paper: Ni et al., UHeads, https://arxiv.org/abs/2511.06209 (2 layers, 8 heads, width
768 in their script and 256 in their code; rate 1e-4, weight decay 0.1, batch 32, 10
epochs over 32,000 solutions; labels by another model or the model itself). Rows are not
packed, as the head reads whole responses. Sizes are those of configs/prm.
Run: jaxrl label prm/uheads labels.jsonl && jaxrl train prm/uheads
Expect: unmeasured.
"""

import dataclasses

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    micro_batch_tokens=0,
    packed_row_tokens=0,
    micro_batches=2,
    model=dataclasses.replace(prm.BASE.model, step_head="attention"),
    loss={"name": "prm/objectives/uheads"},
    optimizer={"name": "adamw", "weight_decay": 0.1},
    schedule={"name": "constant", "learning_rate": 1e-4},
  )
