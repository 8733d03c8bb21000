"""Steps of experts against the policy's, by what each step adds to a value.

Paper: Choudhury, InversePRM, https://arxiv.org/abs/2502.10325 (rate 4.9e-5, 1 epoch).
labels.jsonl holds turns as steps; a solution's outcome says who took them: 1 an expert,
0 the policy. Sizes and optimiser are those of configs/prm.
Run: jaxrl train prm/inverse_prm
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import prm


def config() -> Config:
  """What differs from `prm/base`."""
  return prm.config(
    loss={"name": "prm/objectives/inverse_prm"},
  )
