"""SRM: siblings accepted as in speculative sampling. Gu and Liang, https://arxiv.org/abs/2506.00396.

  `width` siblings of each parent;  r: their scores, p: their likelihood to the policy
  accepted, and in what order: `search/srm`

of all parents' siblings the accepted ones go on, in the order of their consistency, as
many as there are parents; where fewer are accepted the first ones have more children,
and where none is, the best scores go on. A row that has finished is its parent's only
sibling, and is accepted. The reward model is trained by `step_mse` or `orm_bce` on
outcomes.

Id: srm
"""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from jaxrl.search import loop
from jaxrl.search import srm as rules
from jaxrl.search.state import Beams, Parts, groups_of


def srm(parts: Parts, key: Key[Array, ""], *, width: int = 4) -> Beams:
  """The state after the last round."""
  beams = loop.start(parts.rows, key, score=parts.score, rounds=parts.rounds)
  each = beams.score.shape[0] // parts.problems
  groups_of(beams, width)
  split = lambda x: x.reshape(parts.problems, each)
  choose = jax.vmap(lambda *of_one: survivors(*of_one, width=width))
  places = each * jnp.arange(parts.problems)[:, None]

  def going(beams: Beams) -> Array:
    return (beams.round < parts.rounds) & ~jnp.all(beams.finished)

  def turn(beams: Beams) -> Beams:
    key, draw_key, expand_key = jax.random.split(beams.key, 3)
    p = parts.likelihood(beams.rows)
    u = parts.uniform(draw_key)
    arrays = (beams.score, p, u, beams.fresh)
    chosen = choose(*map(split, arrays)) + places
    chosen = jnp.where(beams.round > 0, chosen.reshape(-1), jnp.arange(p.shape[0]))
    beams = loop.reorder(dataclasses.replace(beams, key=key), chosen, take=parts.take)
    return loop.advance(
      beams, expand_key, expand=parts.expand, score=parts.score, weigh=loop.logit
    )

  return jax.lax.while_loop(going, turn, beams)


def survivors(
  score: Float[Array, " N"],
  likelihood: Float[Array, " N"],
  u: Float[Array, " N"],
  fresh: Bool[Array, " N"],
  *,
  width: int,
) -> Int[Array, " N"]:
  """Parents of the next round: the rows that go on, each `width` times or more."""
  n = score.shape[0]
  split = lambda x: x.reshape(n // width, width)
  accept, order = jax.vmap(rules.srm)(split(score), split(likelihood), split(u))
  first = split(jnp.arange(n) % width == 0)
  held = ~split(fresh)  # copies of a row that had finished before
  accept = jnp.where(held, first, accept)
  # The place of a sibling in its own group's order decides first.
  place = jnp.argsort(order, axis=1)
  kept = (accept.reshape(-1), place.reshape(-1), score)
  usable = jnp.where(held, first, True).reshape(-1)
  ranked = jnp.lexsort((-kept[2], kept[1], ~kept[0], ~usable))
  none = ~jnp.any(kept[0])
  ranked = jnp.where(none, jnp.lexsort((-score, ~usable)), ranked)
  count = jnp.where(none, jnp.sum(usable), jnp.sum(kept[0]))
  groups = n // width
  turn = jnp.arange(groups) % jnp.clip(count, 1, groups)
  return jnp.repeat(ranked[turn], width)
