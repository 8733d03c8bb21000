"""The state of a flat search: N rows that are continued side by side.

A strategy is a pure function `select(beams, key) -> parents [N]`: the row that each
slot becomes. Its hyper-parameters are keyword-only, so that `functools.partial` makes
it an argument of `loop.search`. It reads every field but `rows`, which may be None.
"""

from collections.abc import Callable

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from jaxrl.types import Leaf, Tree


@struct.dataclass
class Beams:
  """N rows of at most S steps, on their way through a search."""

  rows: Tree  # whatever the caller keeps of each row: token ids, caches, flags
  score: Leaf  # [N] of the latest step; 0 before the first
  scores: Leaf  # [N, S] of each step, 0 where there is none (yet): see `scored`
  log_weight: Leaf  # [N] what resampling weighs a row by; see `loop.search`
  steps: Leaf  # [N] int32: steps taken
  finished: Leaf  # [N] bool: keeps its score and takes no further step
  round: Leaf  # [] int32: rounds done
  key: Leaf

  @property
  def fresh(self) -> Bool[Array, " N"]:
    """Rows that took a step in the latest round; the others had finished before."""
    return self.steps == self.round

  @property
  def scored(self) -> Bool[Array, "N S"]:
    """The entries of `scores` that hold a score."""
    return jnp.arange(self.scores.shape[1])[None, :] < self.steps[:, None]


Select = Callable[[Beams, Array], Array]
# (rows, key) -> (rows, finished [N] bool): one more step on every unfinished row.
Expand = Callable[[Tree, Array], tuple[Tree, Array]]
Score = Callable[[Tree], Array]  # rows -> [N]
Take = Callable[[Tree, Array], Tree]  # (rows, parents) -> rows


def ranked(
  score: Float[Array, " N"], competes: Bool[Array, " N"], width: int
) -> Int[Array, " N"]:
  """Rows from the best score to the worst; those that do not compete come last.

  Slots g * width .. g * width + width - 1 are the children of one parent. Of equal
  scores every parent's first child comes before any second one, so that a score which
  says nothing leaves the rows independent samples.
  """
  slot = jnp.arange(score.shape[0])
  return jnp.lexsort((slot // width, slot % width, -score, ~competes))


def groups_of(beams: Beams, width: int) -> int:
  """How many parents of `width` children the slots hold; ValueError if not whole."""
  rows = beams.score.shape[0]
  if width < 1 or rows % width:
    raise ValueError(f"{rows} rows are no whole number of groups of {width}")
  return rows // width
