"""Diverse verifier tree search: sub-trees that do not compete. Beeching et al., https://huggingface.co/spaces/HuggingFaceH4/blogpost-scaling-test-time-compute.

  rows g N / trees .. (g + 1) N / trees - 1 select among themselves, g = 0 .. trees - 1

by any strategy `within`. The authors' is `beam` with width = N / trees, the default:
each sub-tree keeps the best of its children and nothing else. VGS pools `trees`
searches by `value_guided_blocks`.
"""

from collections.abc import Mapping
from typing import Any

import jax
from jaxtyping import Array, Int, Key

from jaxrl.pick import pick
from jaxrl.search.state import Beams, apart


def diverse_beam(
  beams: Beams,
  key: Key[Array, ""],
  *,
  trees: int = 4,
  within: Mapping[str, Any] | None = None,
) -> Int[Array, " N"]:
  """Parents within each sub-tree, as numbers of all rows.

  Raises:
    ValueError: the rows are no whole number of sub-trees.
  """
  n = beams.score.shape[0]
  if trees < 1 or n % trees:
    raise ValueError(f"{n} rows are no whole number of {trees} sub-trees")
  spec = {"name": "beam", "width": n // trees} if within is None else within
  return apart(pick("search/strategies", **spec), beams, jax.random.split(key, trees))
