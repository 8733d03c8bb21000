"""The loop of a flat search: expand, score, select, until all rows have finished."""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from jaxrl.search.state import Beams, Expand, Score, Select, Take
from jaxrl.types import Tree

EDGE = 1e-7  # a probability is kept this far from 0 and 1 before its logit is taken


def take_rows(rows: Tree, parents: Int[Array, " M"]) -> Tree:
  """The rows `parents` of a pytree whose leaves have the rows in front."""
  return jax.tree.map(lambda x: x[parents], rows)


def logit(beams: Beams) -> Float[Array, " N"]:
  """log p - log(1 - p) of the latest score alone; earlier ones do not add up."""
  p = jnp.clip(beams.score, EDGE, 1 - EDGE)
  return jnp.log(p) - jnp.log1p(-p)


def search(
  rows: Tree,
  key: Key[Array, ""],
  *,
  expand: Expand,
  score: Score,
  select: Select,
  rounds: int,
  take: Take = take_rows,
  weigh: Score = logit,
) -> Beams:
  """Continues N rows step by step; the state after the last round, not reselected.

  It runs inside jit, with the functions and `rounds` static.

  A round reorders the rows that the round before has scored, continues those that have
  not finished and scores them. So the last round's rows stand as they were drawn: ask
  the strategy once more (`kept`) where its paper keeps only the best of them.

  Args:
    rows: N copies of a prompt, or of several for `diverse_beam`.
    key: consumed.
    expand: one more step on every unfinished row, whatever a step is; rows that have
      finished stay as they are. A row that is too long is to be called finished.
    score: of each row; it is read where a row took a step, so rows that had finished
      before keep their score.
    select: the strategy, called as select(beams, key).
    rounds: at most.
    take: reorders rows; the default needs the rows on the leading axis of each leaf.
    weigh: beams -> log-weights [N], once a round after scoring. The default takes
      scores for probabilities; strategies that only rank do not read it.
  """
  beams = start(rows, key, score=score, rounds=rounds)
  slots = jnp.arange(beams.score.shape[0])

  def going(beams: Beams) -> Array:
    return (beams.round < rounds) & ~jnp.all(beams.finished)

  def turn(beams: Beams) -> Beams:
    key, select_key, expand_key = jax.random.split(beams.key, 3)
    beams = dataclasses.replace(beams, key=key)
    # Before the first round there is nothing to choose by.
    parents = jnp.where(beams.round > 0, select(beams, select_key), slots)
    beams = reorder(beams, parents, take=take)
    return advance(beams, expand_key, expand=expand, score=score, weigh=weigh)

  return jax.lax.while_loop(going, turn, beams)


def start(rows: Tree, key: Key[Array, ""], *, score: Score, rounds: int) -> Beams:
  """The state before the first round."""
  if rounds < 1:
    raise ValueError(f"a search needs at least one round, got {rounds}")
  shape = jax.eval_shape(score, rows)
  (n,), dtype = shape.shape, shape.dtype
  return Beams(
    rows=rows,
    score=jnp.zeros(n, dtype),
    scores=jnp.zeros((n, rounds), dtype),
    log_weight=jnp.zeros(n, dtype),
    steps=jnp.zeros(n, jnp.int32),
    finished=jnp.zeros(n, bool),
    round=jnp.zeros((), jnp.int32),
    key=key,
  )


def reorder(beams: Beams, parents: Int[Array, " M"], *, take: Take) -> Beams:
  """Slot i becomes row parents[i]; there may be more or fewer slots than before."""
  return dataclasses.replace(
    beams,
    rows=take(beams.rows, parents),
    score=beams.score[parents],
    scores=beams.scores[parents],
    log_weight=beams.log_weight[parents],
    steps=beams.steps[parents],
    finished=beams.finished[parents],
  )


def advance(
  beams: Beams, key: Key[Array, ""], *, expand: Expand, score: Score, weigh: Score
) -> Beams:
  """Expands and scores the unfinished rows; the others stay as they are."""
  live = ~beams.finished
  rows, ended = expand(beams.rows, key)
  latest = jnp.where(live, score(rows), beams.score)
  column = jnp.arange(beams.scores.shape[1])[None, :] == beams.steps[:, None]
  beams = dataclasses.replace(
    beams,
    rows=rows,
    score=latest,
    scores=jnp.where(column & live[:, None], latest[:, None], beams.scores),
    steps=beams.steps + live.astype(jnp.int32),
    finished=beams.finished | ended,
    round=beams.round + 1,
  )
  weight = weigh(beams).astype(beams.log_weight.dtype)
  return dataclasses.replace(
    beams, log_weight=jnp.where(live, weight, beams.log_weight)
  )


def best(beams: Beams) -> Int[Array, ""]:
  """The finished row with the highest score; where none has finished, of all rows."""
  competes = beams.finished | ~jnp.any(beams.finished)
  return jnp.argmax(jnp.where(competes, beams.score, -jnp.inf))
