"""PAV: outcome, plus each step's progress under a prover.

Paper: Setlur et al., https://arxiv.org/abs/2410.08146 (best of 4 as prover, alpha 3 to
5, KL coefficient 0.001). Sizes, optimiser and rate are those of configs/base.py.
Run: jaxrl train pav
Expect: unmeasured. The authors report 5 to 6 times fewer samples than with the outcome
alone, which is alpha 0.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """The policy gradient as it is; the KL term is in the loss."""
  return base.config(
    rewards=({"name": "accuracy"},),
    advantage={"name": "pav", "alpha": 3.0, "prover_k": 4},
    loss={"name": "reinforce"},
    regularizers=({"name": "kl_k3", "coefficient": 0.001},),
  )
