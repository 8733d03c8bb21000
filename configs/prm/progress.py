"""Regression on how much a step adds to best-of-4.

Paper: Setlur et al., PAV, https://arxiv.org/abs/2410.08146, with the policy's own best-
of-4 as prover.
Run: jaxrl label prm/progress labels.jsonl && jaxrl train prm/progress
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    labels={"name": "pav_best_of_k"},
    loss={"name": "prm/objectives/value_mse"},
    readout={"name": "tanh_value"},
  )
