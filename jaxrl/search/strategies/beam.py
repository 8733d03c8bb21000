"""Beam search by step scores. Snell et al., https://arxiv.org/abs/2408.03314.

  of the N rows keep the N / width with the highest score;  each has `width` children

Section 5.2 there; N is the budget of samples a step. A row that has finished stays in
the competition with its score, as a single row: the copies that fill its slots do not
compete, so that one good finished row does not become all beams. What the paper does
with finished rows it does not say; `value_guided_blocks` takes them out. Equal scores:
see `state.ranked`.
"""

import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from jaxrl.search.state import Beams, groups_of, ranked


def beam(beams: Beams, key: Key[Array, ""], *, width: int = 4) -> Int[Array, " N"]:
  """Parents: each kept row `width` times."""
  del key
  return jnp.repeat(kept(beams, width=width), width)


def kept(beams: Beams, *, width: int = 4) -> Int[Array, " K"]:
  """The N / width rows that go on, best first."""
  groups = groups_of(beams, width)
  first = jnp.arange(beams.score.shape[0]) % width == 0
  return ranked(beams.score, beams.fresh | first, width)[:groups]
