"""Particles whose early weights are tempered.

Paper: Giannone et al., https://arxiv.org/abs/2510.05825.
Run: jaxrl train prm/base && jaxrl search search/entropic_particle_filter
Expect: unmeasured.
The paper's look-ahead modulation: --search.name lookahead_particle_filter.
"""

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    search={"name": "entropic_particle_filter"},
  )
