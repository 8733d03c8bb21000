"""A tree of options, as wide as their values differ.

Paper: Tian et al., https://arxiv.org/abs/2404.12253.
Run: jaxrl train prm/base && jaxrl search search/alphallm
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    batch_problems=1,
    search={"name": "alphallm"},
  )
