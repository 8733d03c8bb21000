"""RLOO with advantages standardised over the batch.

Paper: Ahmadian et al., https://arxiv.org/abs/2402.14740; the division is TRL's
normalize_advantages. Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train rloo_norm
Expect: unmeasured. Without a KL term, to compare with configs/base.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """Sequence sums, as in configs/rloo.py."""
  return base.config(
    advantage={"name": "rloo_norm"},
    reduction={"name": "sequence_sum", "divisor": 12.0},
  )
