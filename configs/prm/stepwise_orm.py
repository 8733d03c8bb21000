"""Labels of what the policy can still solve, propagated back.

Paper: Havrilla et al., GLoRe, https://arxiv.org/abs/2402.10963.
Run: jaxrl label prm/stepwise_orm labels.jsonl && jaxrl train prm/stepwise_orm
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    labels={"name": "stepwise_orm"},
  )
