"""Binary search for the first error, soft labels where asked.

Paper: Luo et al., https://arxiv.org/abs/2406.06592; the tree of its rollouts is not
here.
Run: jaxrl label prm/omegaprm labels.jsonl && jaxrl train prm/omegaprm
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    query={"name": "bisect"},
    labels={"name": "omegaprm"},
  )
