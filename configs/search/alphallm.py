"""A tree of options, as wide as their values differ.

Paper: Tian et al., https://arxiv.org/abs/2404.12253 (options differ in 20 there; lines
are shorter here).
Run: jaxrl train prm/base && jaxrl search search/alphallm
Expect: unmeasured.
To train on what it finds: search/alphallm_policy.
"""

import dataclasses

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches; all of some 40 terminal nodes may vote."""
  return search.config(
    batch_problems=1,
    rows=40,
    rounds=10,
    sampling=dataclasses.replace(search.BASE.sampling, temperature=0.8),
    search={"name": "alphallm", "merging": (4, 5)},
  )
