"""KL-Cov: a penalty on the tokens of highest covariance.

Paper: Cui et al., https://arxiv.org/abs/2505.22617 (from memory: a share of 2e-3 or
2e-4 of the tokens by model, coefficient 1). Batches here have a few hundred tokens, of
which such a share is none: so 2 %. Other sizes are those of configs/base.py.
Run: jaxrl train kl_cov
Expect: unmeasured. `entropy` falls slower than without; `kl_cov_fraction` says that
tokens are penalised.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "group_norm"},
    loss={"name": "kl_cov", "fraction": 0.02, "coefficient": 1.0},
  )
