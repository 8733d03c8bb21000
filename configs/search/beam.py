"""Beam search by step scores.

Paper: Snell et al., https://arxiv.org/abs/2408.03314.
Run: jaxrl train prm/base && jaxrl search search/beam
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    search={"name": "beam", "width": 4},
  )
