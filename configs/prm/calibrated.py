"""Quantiles of the share of completions that are right.

Paper: Park et al., https://arxiv.org/abs/2506.09338.
Run: jaxrl label prm/calibrated labels.jsonl && jaxrl train prm/calibrated
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    loss={"name": "prm/objectives/quantile"},
    readout={"name": "one_quantile"},
  )
