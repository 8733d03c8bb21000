"""PATS: how many candidates a step gets follows the scores. Wang et al., https://arxiv.org/abs/2505.19250.

  modes: 0 complex, 8 candidates;  1 medium, 4;  2 simple, 2
  r = highest PRM probability of the candidates, which are one step each
  r < reject_below, and the last one was not rejected:  reject, mode <- 0, sample again
  else accept, and   r >= raise_at: mode <- min(mode + 1, 2)
                     r < reset_below: mode <- 0,   else unchanged

from mode 0, until an accepted step ends the response or after 35 rounds, rejections and
rounds without a candidate included. A candidate that repeats a step of the response is
none; repeats among the candidates have one score, so that the first of the highest is
enough. The authors also drop steps with characters they disallow, which is left out. A
filter of theirs that prefers candidates over 0.75 changes nothing, as the highest is
taken. All rows of a problem are copies of its one response between rounds.

Id: pats
"""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from jaxrl.search.loop import advance, logit, reorder, start
from jaxrl.search.state import Beams, Parts

CANDIDATES = (8, 4, 2)  # by mode


def pats(
  parts: Parts,
  key: Key[Array, ""],
  *,
  reject_below: float = 0.4,
  raise_at: float = 0.85,
  reset_below: float = 0.75,
  rejections: int = 1,
) -> Beams:
  """The state after the last round.

  Raises:
    ValueError: a problem has another number of rows than mode 0 has candidates.
  """
  beams = start(parts.rows, key, score=parts.score, rounds=parts.rounds)
  problems, each = parts.problems, beams.score.shape[0] // parts.problems
  if each != CANDIDATES[0]:
    raise ValueError(f"PATS has {CANDIDATES[0]} rows a problem, not {each}")
  widths = jnp.array(CANDIDATES)
  first = each * jnp.arange(problems)
  none = jnp.zeros(problems, jnp.int32)

  def going(state: tuple[Beams, Array, Array]) -> Array:
    return (state[0].round < parts.rounds) & ~jnp.all(state[0].finished)

  def turn(state: tuple[Beams, Array, Array]) -> tuple[Beams, Array, Array]:
    beams, mode, rejected = state
    key, use = jax.random.split(beams.key)
    beams = dataclasses.replace(beams, key=key)
    asked = jnp.arange(each)[None] < widths[mode][:, None]
    rows = parts.idle(beams.rows, ~asked.reshape(-1))
    tried = advance(
      dataclasses.replace(beams, rows=rows),
      use,
      expand=parts.expand,
      score=parts.score,
      weigh=logit,
    )
    candidate = asked & ~parts.repeats(tried.rows).reshape(problems, each)
    scores = jnp.where(candidate, tried.score.reshape(problems, each), -jnp.inf)
    best, some = jnp.argmax(scores, axis=1), jnp.any(candidate, axis=1)
    after = next_mode(
      mode,
      rejected,
      jnp.max(scores, axis=1),
      reject_below=reject_below,
      raise_at=raise_at,
      reset_below=reset_below,
      rejections=rejections,
    )
    on = some & ~beams.finished[first]
    mode, rejected = (
      jnp.where(on, new, old) for new, old in zip(after, (mode, rejected), strict=False)
    )
    taken = reorder(tried, jnp.repeat(first + best, each), take=parts.take)
    accepted = jnp.repeat(after[2] & on, each)
    return _merged(parts, accepted, taken, beams), mode, rejected

  return jax.lax.while_loop(going, turn, (beams, none, none))[0]


def next_mode(
  mode: Int[Array, "..."],
  rejected: Int[Array, "..."],
  score: Float[Array, "..."],
  *,
  reject_below: float = 0.4,
  raise_at: float = 0.85,
  reset_below: float = 0.75,
  rejections: int = 1,
) -> tuple[Int[Array, "..."], Int[Array, "..."], Bool[Array, "..."]]:
  """The next mode, rejections in a row, and whether the step is accepted."""
  accept = (score >= reject_below) | (rejected >= rejections)
  raised = jnp.minimum(mode + 1, len(CANDIDATES) - 1)
  after = jnp.where(score < reset_below, 0, mode)
  after = jnp.where(score >= raise_at, raised, after)
  return (
    jnp.where(accept, after, 0),
    jnp.where(accept, 0, rejected + 1),
    accept,
  )


def _merged(parts: Parts, accepted: Array, later: Beams, earlier: Beams) -> Beams:
  """The later state of the rows that are accepted; a round has passed for all."""
  chosen = lambda a, b: jnp.where(accepted.reshape(-1, *(1,) * (a.ndim - 1)), a, b)
  fields = ("score", "scores", "log_weight", "steps", "finished")
  merged = {f: chosen(getattr(later, f), getattr(earlier, f)) for f in fields}
  rows = parts.merge(accepted, later.rows, earlier.rows)
  return dataclasses.replace(later, rows=rows, **merged)
