"""TOPR: positives untapered, negatives fade as they become unlikely.

Paper: Le Roux et al., https://arxiv.org/abs/2503.14286 (data of an older policy; ratio
cap 1). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train topr
Expect: unmeasured. Two mini-batches twice are barely off policy; more epochs_per_batch
show what it is for.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """A sum over a response's tokens; the divisor only keeps its size."""
  return base.config(
    **base.FOUR_UPDATES,
    loss={"name": "topr", "ratio_cap": 1.0},
    reduction={"name": "sequence_sum", "divisor": 12.0},
  )
