"""Particles drawn anew by their odds.

Paper: Puri et al., https://arxiv.org/abs/2502.01618.
Run: jaxrl train prm/base && jaxrl search search/particle_filter
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    search={"name": "particle_filter"},
  )
