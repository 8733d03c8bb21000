"""Steps cut where the policy was least sure.

Paper: Liu et al., https://arxiv.org/abs/2502.13943; take the threshold from
`quantile_threshold`.
Run: jaxrl label prm/adaptivestep labels.jsonl && jaxrl train prm/adaptivestep
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    cut={"name": "adaptivestep", "threshold": 0.2},
    labels={"name": "math_shepherd_hard"},
  )
