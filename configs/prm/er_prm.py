"""Soft labels of an entropy-regularised value.

Paper: Zhang et al., https://arxiv.org/abs/2412.11006.
Run: jaxrl label prm/er_prm labels.jsonl && jaxrl train prm/er_prm
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    labels={"name": "er_prm"},
  )
