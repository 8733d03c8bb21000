"""The most uncertain steps are asked first; ranking loss.

Paper: Han et al., https://arxiv.org/abs/2508.01773.
Run: jaxrl label prm/unprm labels.jsonl && jaxrl train prm/unprm
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    query={"name": "by_uncertainty"},
    labels={"name": "unprm"},
    loss={"name": "prm/objectives/pqm"},
    reduction={"name": "sequence_mean"},
  )
