"""A tree of steps by a value model.

Paper: Chen et al., https://arxiv.org/abs/2405.03553.
Run: jaxrl train prm/base && jaxrl search search/alphamath
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    batch_problems=1,
    search={"name": "alphamath"},
  )
