"""Completions up to the first prefix that fails, labels denoised.

Paper: Ding et al., https://arxiv.org/abs/2509.16548.
Run: jaxrl label prm/scan labels.jsonl && jaxrl train prm/scan
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    query={"name": "until_zero"},
    labels={"name": "scan"},
  )
