"""OTB: each token's baseline of least variance.

Paper: Li et al., https://arxiv.org/abs/2602.07078. Sizes, optimiser and rate are those
of configs/base.py.
Run: jaxrl train optimal_token_baseline
Expect: unmeasured. The batch is scored once more, for the collision probability;
`grad_norm` should vary less than in configs/base.py.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """A sum over tokens, of whose gradient the baseline is made."""
  return base.config(
    advantage={"name": "optimal_token_baseline"},
    reduction={"name": "sequence_sum", "divisor": 12.0},
  )
