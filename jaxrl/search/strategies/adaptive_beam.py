"""Instance-adaptive beams: as many leaves as their odds ask for. Park et al., https://arxiv.org/abs/2506.09338.

  leaves in the order of the median quantile of their success rate
  K = `budget.adaptive_leaves` of their low quantiles;  `children` of each of the K

The model of steps has quantile outputs (the objective `quantile`): `low` and `median`
say which are which. At most N / children leaves are kept; what a smaller K leaves free
takes no step. The first round draws all N first steps. In the authors' code leaves are
scored every 5 steps and have one child each in between: `searching.step_tokens` without
`step_ends` makes longer steps. A row that has finished competes as a leaf.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from jaxrl.search.budget import adaptive_leaves
from jaxrl.search.loop import advance, logit, reorder, start
from jaxrl.search.state import Beams, Parts


def adaptive_beam(
  parts: Parts,
  key: Key[Array, ""],
  *,
  children: int = 8,
  confidence: float = 0.99,
  low: int = 0,
  median: int = 1,
) -> Beams:
  """The state after the last round.

  Raises:
    ValueError: the rows of a problem are no whole number of leaves.
  """
  beams = start(parts.rows, key, score=parts.score, rounds=parts.rounds)
  each = beams.score.shape[0] // parts.problems
  if each % children:
    raise ValueError(f"{each} rows are no whole number of leaves of {children}")
  split = lambda x: x.reshape(parts.problems, each)
  of_all = jax.vmap(
    lambda *of_one: leaves(
      *of_one,
      leaves_max=each // children,
      children_max=children,
      confidence=confidence,
    )
  )

  def going(state: tuple[Beams, Array]) -> Array:
    beams, used = state
    return (beams.round < parts.rounds) & ~jnp.all(beams.finished | ~used)

  def turn(state: tuple[Beams, Array]) -> tuple[Beams, Array]:
    beams, used = state
    key, use = jax.random.split(beams.key)
    p = jax.nn.sigmoid(parts.outputs(beams.rows))
    slot = jnp.arange(beams.score.shape[0])
    # Of the copies that a finished leaf fills its places with, one competes.
    competes = used & (beams.fresh | (slot % children == 0))
    parents, now = of_all(split(p[:, median]), split(p[:, low]), split(competes))
    parents = (parents + each * jnp.arange(parts.problems)[:, None]).reshape(-1)
    begun = beams.round > 0
    parents = jnp.where(begun, parents, slot)
    used = jnp.where(begun, now.reshape(-1), True)
    beams = reorder(dataclasses.replace(beams, key=key), parents, take=parts.take)
    beams = dataclasses.replace(beams, rows=parts.idle(beams.rows, ~used))
    beams = advance(beams, use, expand=parts.expand, score=parts.score, weigh=logit)
    return beams, used

  first = (beams, jnp.ones(beams.score.shape, bool))
  beams, used = jax.lax.while_loop(going, turn, first)
  # A place that was not used holds a copy, which is not to be voted for.
  return dataclasses.replace(beams, finished=beams.finished & used)


def leaves(
  median: Float[Array, " N"],
  low: Float[Array, " N"],
  competes: Bool[Array, " N"],
  *,
  leaves_max: int,
  children_max: int,
  confidence: float = 0.99,
) -> tuple[Int[Array, " N"], Bool[Array, " N"]]:
  """Parents by the median with K adaptive and M_max children, and the places in use.

  The other places have copies of the last leaf that is kept.
  """
  low = jnp.where(competes, low, 0.0)
  k = adaptive_leaves(
    low, leaves_max=leaves_max, children_max=children_max, confidence=confidence
  )
  k = jnp.minimum(k, jnp.maximum(jnp.sum(competes), 1))
  leaf = jnp.arange(median.shape[0]) // children_max
  order = jnp.argsort(jnp.where(competes, -median, jnp.inf), stable=True)
  return order[jnp.minimum(leaf, k - 1)], leaf < k
