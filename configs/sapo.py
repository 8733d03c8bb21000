"""SAPO: a soft gate in place of the clip.

Paper: Gao et al., https://arxiv.org/abs/2511.20347 (temperatures 1 and 1.05). Sizes,
optimiser and rate are those of configs/base.py.
Run: jaxrl train sapo
Expect: unmeasured. `gate` near 1 says that the gate hardly acts; the loss itself
compares with that of no other config.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """With four updates a batch, as only then do ratios leave 1."""
  return base.config(
    **base.FOUR_UPDATES,
    advantage={"name": "group_norm"},
    loss={"name": "sapo", "temperature_pos": 1.0, "temperature_neg": 1.05},
    reduction={"name": "sequence_mean"},
  )
