"""Samples that do not compete on the way; the best one answers.

Paper: Cobbe et al., https://arxiv.org/abs/2110.14168.
Run: jaxrl train prm/base && jaxrl search search/best_of_n
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    search={"name": "best_of_n"},
  )
