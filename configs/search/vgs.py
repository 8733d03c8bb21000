"""Blocks of tokens chosen by a value model of outcomes.

Paper: Wang et al., https://arxiv.org/abs/2505.17373 (blocks of 4096 tokens, 8
a round, 16 searches pooled; blocks are shorter here).
Run: jaxrl train prm/vgs && jaxrl search search/vgs
Expect: unmeasured.
"""

from jaxrl.config import Config
from jaxrl.configs import search


def config() -> Config:
  """What differs from the other searches."""
  return search.config(
    prm="runs/prm-vgs",
    step_ends="",
    step_tokens=16,
    rounds=6,
    search={
      "name": "diverse_beam",
      "trees": 2,
      "within": {"name": "value_guided_blocks", "width": 2},
    },
  )
