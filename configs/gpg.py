"""GPG: group mean, scaled up for groups without gradient.

Paper: Chu et al., https://arxiv.org/abs/2504.02546 (neither clip nor KL term). Sizes,
optimiser and rate are those of configs/base.py.
Run: jaxrl train gpg
Expect: unmeasured. Differs from configs/base.py by a factor a batch, which Adam mostly
takes out.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """One update a batch, as nothing bounds the ratio."""
  return base.config(
    advantage={"name": "gpg"},
  )
