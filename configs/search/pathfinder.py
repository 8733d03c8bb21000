"""Steps chosen greedily in two passes: kinds of error, then whether one is right.

Paper: Pala et al., PathFinder-PRM, https://arxiv.org/abs/2505.19706: the best of 8
candidates for each step, at temperature 0.7.
Run: jaxrl train prm/pathfinder_prm && jaxrl search search/pathfinder
Expect: unmeasured.
"""

import dataclasses

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    prm="runs/prm-pathfinder_prm",
    sampling=dataclasses.replace(search.BASE.sampling, temperature=0.7),
    rows=8,
    search={"name": "pathfinder"},
  )
