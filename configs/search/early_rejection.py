"""Beams rejected by the score of their first tokens.

Paper: Cheshmi et al., https://arxiv.org/abs/2508.01969 (32 to 128 tokens of a
step there, temperature 0.8; steps are shorter here).
Run: jaxrl train prm/base && jaxrl search search/early_rejection
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    begin_tokens=8,
    search={"name": "early_rejection", "width": 4},
  )
