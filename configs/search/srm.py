"""Siblings accepted as in speculative sampling.

Paper: Gu and Liang, https://arxiv.org/abs/2506.00396.
Run: jaxrl train prm/base && jaxrl search search/srm
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    search={"name": "srm", "width": 4},
  )
