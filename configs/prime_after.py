"""PRIME whose model scores a batch before it learns from it.

Paper: Cui et al., https://arxiv.org/abs/2502.01456: the other of the two variants that
the authors publish; one forward pass of the model less. At the first step it is its own
reference, so the process rewards are 0 there.
Run: jaxrl train prime_after
Expect: unmeasured.
"""

import dataclasses

from jaxrl.config import Config
from jaxrl.configs import prime


def config() -> Config:
  """What differs from `prime`."""
  return dataclasses.replace(prime.config(), prm_update="after")
