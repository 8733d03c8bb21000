"""Beam search by the scores of simulated continuations.

Paper: Snell et al., https://arxiv.org/abs/2408.03314.
Run: jaxrl train prm/base && jaxrl search search/lookahead
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    search={"name": "lookahead", "width": 4, "steps": 3},
  )
