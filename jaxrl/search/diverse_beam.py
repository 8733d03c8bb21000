"""Diverse verifier tree search: sub-trees that do not compete. Beeching et al., https://huggingface.co/spaces/HuggingFaceH4/blogpost-scaling-test-time-compute.

  rows g N / trees .. (g + 1) N / trees - 1 select among themselves, g = 0 .. trees - 1

by any strategy. The authors' is `beam` with width = N / trees: each sub-tree keeps the
best of its children and nothing else. VGS pools `trees` searches by
`value_guided_blocks`. Several prompts side by side are sub-trees too.

The strategy sees None for `rows`: their leaves need not have the rows in front.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from jaxrl.search.state import Beams, Select


def diverse_beam(
  beams: Beams, key: Key[Array, ""], *, trees: int, select: Select
) -> Int[Array, " N"]:
  """Parents within each sub-tree, as numbers of all rows."""
  n = beams.score.shape[0]
  if trees < 1 or n % trees:
    raise ValueError(f"{n} rows are no whole number of {trees} sub-trees")
  size = n // trees
  split = lambda x: x.reshape(trees, size, *x.shape[1:])
  parts = dataclasses.replace(
    beams,
    rows=None,
    score=split(beams.score),
    scores=split(beams.scores),
    log_weight=split(beams.log_weight),
    steps=split(beams.steps),
    finished=split(beams.finished),
    round=jnp.broadcast_to(beams.round, (trees,)),
    key=jax.random.split(beams.key, trees),
  )
  parents = jax.vmap(select)(parts, jax.random.split(key, trees))
  offsets = size * jnp.arange(trees)[:, None]
  return (parents + offsets).reshape(n)
