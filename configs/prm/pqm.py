"""Ranking of steps instead of their probabilities.

Paper: Li and Li, https://arxiv.org/abs/2410.11287.
Run: jaxrl label prm/pqm labels.jsonl && jaxrl train prm/pqm
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    labels={"name": "math_shepherd_hard"},
    loss={"name": "prm/objectives/pqm"},
    reduction={"name": "sequence_mean"},
  )
