"""A*-PO: regression on the reward minus the optimal value.

Paper: Brantley et al., https://arxiv.org/abs/2505.20686 (beta1 0.5, beta2 1e-3, 8
samples of the reference, drawn once before training, and one a prompt in it). Here the
reference is sampled in each step, and groups are those of configs/base.py.
Run: jaxrl train a_star_po
Expect: unmeasured. Sampling costs twice that of configs/base.py; `residual` should
approach 0.
"""

from jaxrl.config import Config
from jaxrl.configs import base


def config() -> Config:
  """One sample a prompt (group_size 1) would do: no group is compared."""
  return base.config(
    reference_samples=8,
    advantage={"name": "a_star", "beta1": 0.5},
    loss={"name": "a_star_po", "beta": 1e-3},
    reduction={"name": "sequence_mean"},
  )
