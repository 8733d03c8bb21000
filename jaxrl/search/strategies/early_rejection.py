"""ER-PRM: beams are rejected by the score of their first tokens. Cheshmi et al., https://arxiv.org/abs/2508.01969.

  each of N rows begins its step, at most tau tokens;  s_i = PRM(what there is)
  the N / width rows with the highest s are completed, each has `width` children

The score is not made anew when the step is complete, and the answer is the row with the
highest s (`loop.best`). Phase one may run with a larger batch: it has N rows, phase two
N / width. In the authors' code a beam that has finished is dropped unless all have
(the list of beams is written over), which loses right answers; here it is carried with
its score, as in `beam`.

`tokens_needed` and `rejection_bound` are the paper's theory.

Id: prm_early_rejection
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from jaxrl.search.loop import advance, logit, reorder, start
from jaxrl.search.state import Beams, Parts
from jaxrl.search.strategies.beam import kept


def early_rejection(parts: Parts, key: Key[Array, ""], *, width: int = 4) -> Beams:
  """A search of two phases a round; the state after the last one.

  Args:
    parts: `begin` writes at most tau tokens (32, 64 or 128 in the paper) of a step,
      `complete` the rest of it (256 more there).
    key: consumed.
    width: children of each row that is kept.
  """
  beams = start(parts.rows, key, score=parts.score, rounds=parts.rounds)
  groups = beams.score.shape[0] // width
  choose = parts.each(lambda beams, key: kept(beams, width=width))

  def going(beams: Beams) -> Array:
    return (beams.round < parts.rounds) & ~jnp.all(beams.finished)

  def turn(beams: Beams) -> Beams:
    key, begin_key, complete_key = jax.random.split(beams.key, 3)
    beams = dataclasses.replace(beams, key=key)
    beams = advance(
      beams, begin_key, expand=parts.begin, score=parts.score, weigh=logit
    )
    few = reorder(beams, choose(beams, key), take=parts.take)
    rows, ended = parts.complete(few.rows, complete_key)
    few = dataclasses.replace(few, rows=rows, finished=few.finished | ended)
    return reorder(few, jnp.repeat(jnp.arange(groups), width), take=parts.take)

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
