"""VGS: beam search over blocks, in which finished rows leave. Wang et al., https://arxiv.org/abs/2505.17373.

  K = N / width beams; u of them unfinished, each extended `width` times
  of the u width candidates the u with the highest value go on

so one parent may give several. A beam that has finished (or is too long: the caller
says so) leaves the competition and is kept; the answer is a `weighted_vote` of
`answers` over the K rows `kept` of the last state, weighted by their last score.

A step is a block of up to 4096 tokens. Each beam holds `width` slots side by side; a
beam that has finished fills its slots with copies, so take `kept`, not all rows. Equal
values: see `state.ranked`; a constant value is then plain sampling of K responses.
Independent searches (16 in the paper) are pooled by `diverse_beam`. The value is
`outcome_classes`, read by `class_share` with good 1 among (0, 1, 2).

AlphaMath's step-level beam search SBS(B1, B2), https://arxiv.org/abs/2405.03553, has
the same rule with K = B1 and width = B2 and takes `loop.best`. It lets all beams start
from B1 * B2 first steps too.

Id: vgs
"""

import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from jaxrl.search.state import Beams, groups_of, ranked


def value_guided_blocks(
  beams: Beams, key: Key[Array, ""], *, width: int = 2
) -> Int[Array, " N"]:
  """Parents: each beam `width` times; finished ones stay in their place."""
  del key
  return jnp.repeat(kept(beams, width=width), width)


def kept(beams: Beams, *, width: int = 2) -> Int[Array, " K"]:
  """The row of each beam after this round's choice, in the order of the slots."""
  groups_of(beams, width)
  first = jnp.arange(0, beams.score.shape[0], width)
  held = ~beams.fresh[first]  # had finished before this round
  best = ranked(beams.score, beams.fresh, width)
  # The i-th place that is not held goes to the i-th best; u places for u width rows.
  place = jnp.cumsum(~held) - 1
  return jnp.where(held, first, best[place])
