"""Look-ahead modulation: particles are drawn by their next step. Giannone et al., https://arxiv.org/abs/2510.05825.

  r'_i = PRM(z_i and a simulated step);    parents ~ softmax((l + log r') / T)
  z_i takes a real step;    l_i = log PRM(z_i) - log r'_parent

an auxiliary particle filter, with T of `entropic_particle_filter`: the look-ahead score
that a row was drawn by is divided out of its weight. The authors' library does not have
it. The simulated step is of the likeliest tokens and is thrown away; were it kept,
nothing would be left to correct, and this were a plain filter that weighs before it
draws. A row that has finished looks ahead to itself.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxrl.search import loop
from jaxrl.search.resampling import RULES, Rule
from jaxrl.search.state import Beams, Parts
from jaxrl.search.strategies.entropic_particle_filter import ess_temperature

EDGE = 1e-7


def lookahead_particle_filter(
  parts: Parts, key: Key[Array, ""], *, resample: Rule = "systematic"
) -> Beams:
  """The state after the last round; weights are those of its real steps."""
  beams = loop.start(parts.rows, key, score=parts.score, rounds=parts.rounds)
  select = parts.each(lambda seen, key: _draw(seen, key, resample))

  def going(beams: Beams) -> Array:
    return (beams.round < parts.rounds) & ~jnp.all(beams.finished)

  def turn(beams: Beams) -> Beams:
    key, select_key, expand_key = jax.random.split(beams.key, 3)
    ahead = parts.simulate(beams.rows)
    look = parts.score(ahead)
    # What was simulated is on the account of its place, which reordering leaves alone.
    rows = parts.spent(beams.rows, parts.drawn(ahead))
    beams = dataclasses.replace(beams, rows=rows)
    weight = beams.log_weight + jnp.log(jnp.maximum(look, EDGE))
    seen = dataclasses.replace(beams, log_weight=weight, key=key)
    parents = select(seen, select_key)
    beams = loop.reorder(dataclasses.replace(beams, key=key), parents, take=parts.take)
    weigh = lambda beams: modulated(beams.score, look[parents])
    return loop.advance(
      beams, expand_key, expand=parts.expand, score=parts.score, weigh=weigh
    )

  return jax.lax.while_loop(going, turn, beams)


def modulated(
  score: Float[Array, " N"], look_ahead: Float[Array, " N"]
) -> Float[Array, " N"]:
  """Log-weight of a real step whose row was drawn by its look-ahead score."""
  return jnp.log(jnp.maximum(score, EDGE)) - jnp.log(jnp.maximum(look_ahead, EDGE))


def _draw(beams: Beams, key: Array, resample: Rule) -> Array:
  progress = beams.round / beams.scores.shape[1]
  temperature = ess_temperature(beams.log_weight, progress)
  return RULES[resample](key, beams.log_weight / temperature)
