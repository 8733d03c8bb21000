"""Greedy steps that go back where all are bad.

Paper: Ma et al., https://arxiv.org/abs/2310.10080 (temperature 0.1 there).
Run: jaxrl train prm/base && jaxrl search search/hgs
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    batch_problems=1,
    search={"name": "hgs"},
  )
