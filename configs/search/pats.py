"""As many candidates a step as the scores ask for.

Paper: Wang et al., https://arxiv.org/abs/2505.19250 (temperature 0.6, steps
end at a blank line there).
Run: jaxrl train prm/base && jaxrl search search/pats
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    rows=8,
    rounds=35,
    search={"name": "pats"},
  )
