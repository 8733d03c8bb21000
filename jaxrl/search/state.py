"""The state of a flat search: N rows that are continued side by side.

A strategy is a pure function `select(beams, key) -> parents [N]`: the row that each
slot becomes. Its hyper-parameters are keyword-only, so that `functools.partial` makes
it an argument of `loop.search`. It reads every field but `rows`, which may be None. A
strategy that is no choice among rows that have all taken a step is a function of
`Parts` instead, `search(parts, key) -> Beams`, with a loop of its own.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

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


@dataclasses.dataclass(frozen=True)
class Parts:
  """What a search of P problems side by side is made of. N = P n rows."""

  rows: Tree  # before the first step
  rounds: int  # steps of a row, at most
  expand: Expand  # a whole step
  begin: Expand  # the first tokens of one
  complete: Expand  # the rest of a step that has begun; complete ones stay as they are
  simulate: Callable[[Tree], Tree]  # a whole step of the likeliest tokens
  score: Score
  outputs: Callable[[Tree], Array]  # all that the head said last, [N, C]
  likelihood: Score  # the policy's mean probability of a token of the latest step
  repeats: Callable[[Tree], Array]  # [N] bool: the latest step says an earlier one
  # The latest step's token ids [N, step_tokens] and how many they are [N].
  words: Callable[[Tree], tuple[Array, Array]]
  take: Take
  idle: Callable[[Tree, Array], Tree]  # rows of a mask [N] take no step from now on
  # (mask [N], later, earlier) -> the later rows where the mask is on
  merge: Callable[[Array, Tree, Tree], Tree]
  over: Callable[[Tree], Array]  # [N] bool: the response has ended
  uniform: Callable[[Array], Array]  # key -> [N] in 0..1, each problem's its own
  # For trees: rows as nodes keep them, one by one on the leading axis, and back.
  pack: Callable[[Tree], Tree]
  unpack: Callable[[Tree], Tree]
  length: Callable[[Tree], Array]  # packed rows -> tokens of the latest step of each
  drawn: Callable[[Tree], Array]  # [N] tokens on the account of each place
  spent: Callable[[Tree, Array], Tree]  # (rows, tokens [N]) -> rows with that account
  problems: int
  # Makes a strategy for the rows of one problem one for those of all problems.
  each: Callable[[Select], Select]


def apart(select: Select, beams: Beams, keys: Key[Array, " parts"]) -> Int[Array, " M"]:
  """Parents within each of some equal parts of the rows, as numbers of all rows.

  The strategy sees None for `rows`: their leaves need not have the rows in front.
  """
  parts, n = keys.shape[0], beams.score.shape[0]
  split = lambda x: x.reshape(parts, n // parts, *x.shape[1:])
  seen = dataclasses.replace(
    beams,
    rows=None,
    score=split(beams.score),
    scores=split(beams.scores),
    log_weight=split(beams.log_weight),
    steps=split(beams.steps),
    finished=split(beams.finished),
    round=jnp.broadcast_to(beams.round, (parts,)),
    key=keys,
  )
  parents = jax.vmap(select)(seen, keys)
  return (parents + (n // parts) * jnp.arange(parts)[:, None]).reshape(-1)
