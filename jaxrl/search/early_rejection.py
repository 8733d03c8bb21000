"""ER-PRM: beams are rejected by the score of their first tokens. Cheshmi et al., https://arxiv.org/abs/2508.01969.

  each of N rows begins its step, at most tau tokens;  s_i = PRM(what there is)
  the N / width rows with the highest s are completed, each has `width` children

The score is not made anew when the step is complete, and the answer is the row with the
highest s (`loop.best`). Phase one may run with a larger batch: it has N rows, phase two
N / width. In the authors' code a beam that has finished is dropped unless all have
(the list of beams is written over), which loses right answers; here it is carried with
its score, as in `beam`.

`tokens_needed` and `rejection_bound` are the paper's theory.
"""

import dataclasses
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from jaxrl.search.beam import kept
from jaxrl.search.loop import advance, logit, reorder, start, take_rows
from jaxrl.search.state import Beams, Expand, Score, Take
from jaxrl.types import Tree


def early_rejection(
  rows: Tree,
  key: Key[Array, ""],
  *,
  begin: Callable[..., tuple[Tree, Array]],
  complete: Expand,
  score: Score,
  rounds: int = 20,
  width: int = 4,
  take: Take = take_rows,
) -> Beams:
  """A search of two phases a round; the state after the last one.

  Args:
    rows: N copies of a prompt.
    key: consumed.
    begin: (rows, key) -> (rows, finished): starts a step on every unfinished row and
      writes at most tau tokens (32, 64 or 128; a partial of the caller's function).
    complete: the same for the rest of a step that has begun (256 more tokens in the
      paper); a row whose step is complete stays as it is.
    score: of each row as far as it goes.
    rounds: at most.
    width: children of each row that is kept.
    take: reorders rows.
  """
  beams = start(rows, key, score=score, rounds=rounds)
  groups = beams.score.shape[0] // width

  def going(beams: Beams) -> Array:
    return (beams.round < rounds) & ~jnp.all(beams.finished)

  def turn(beams: Beams) -> Beams:
    key, begin_key, complete_key = jax.random.split(beams.key, 3)
    beams = dataclasses.replace(beams, key=key)
    beams = advance(beams, begin_key, expand=begin, score=score, weigh=logit)
    few = reorder(beams, kept(beams, width=width), take=take)
    rows, ended = complete(few.rows, complete_key)
    few = dataclasses.replace(few, rows=rows, finished=few.finished | ended)
    return reorder(few, jnp.repeat(jnp.arange(groups), width), take=take)

  return jax.lax.while_loop(going, turn, beams)


def tokens_needed(correlation: float, length: int) -> int:
  """Tokens tau for which corr(partial, final score) = sqrt(tau / length) is reached.

  Of token scores that are independent and alike.
  """
  # Less a rounding error: 0.8^2 * 100 is 64.
  return math.ceil(correlation**2 * length - 1e-9)


def rejection_bound(gap: float, sigma: float, beams: int) -> float:
  """Bound on the probability that the best of the beams is rejected, at most 1.

  (N - 1) exp(-gap^2 / (4 sigma^2)), for partial scores with independent sigma-sub-
  Gaussian noise and an expected `gap` between the best beam and each other.
  """
  return min(1.0, (beams - 1) * math.exp(-(gap**2) / (4 * sigma**2)))
