"""Look-ahead: a row is worth what its simulated continuation is worth. Snell et al., https://arxiv.org/abs/2408.03314.

  score(row) = PRM(row and k simulated steps),  k = steps;  then `beam`

Section 5.2 there, with continuations at temperature 0, which stop where the response
ends: `simulate` leaves such rows as they are. k = 0 is plain beam search. The simulated
steps are not kept; their tokens are counted. ReARTeR's smoothing over them is another
rule.
"""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from jaxrl.search import loop
from jaxrl.search.state import Beams, Parts
from jaxrl.search.strategies.beam import beam
from jaxrl.types import Tree


def lookahead(
  parts: Parts, key: Key[Array, ""], *, width: int = 4, steps: int = 3
) -> Beams:
  """Beam search by the scores of simulated continuations."""

  def expand(state: Tree, key: Array) -> tuple[Tree, Array]:
    rows, ended = parts.expand(state["rows"], key)
    beyond = ahead(rows, simulate=parts.simulate, steps=steps)
    rows = parts.spent(rows, parts.drawn(beyond))
    return {"rows": rows, "score": parts.score(beyond)}, ended

  def take(state: Tree, parents: Array) -> Tree:
    rows = parts.take(state["rows"], parents)
    return {"rows": rows, "score": state["score"][parents]}

  first = jnp.zeros_like(parts.score(parts.rows))
  beams = loop.search(
    {"rows": parts.rows, "score": first},
    key,
    expand=expand,
    score=lambda state: state["score"],
    select=parts.each(functools.partial(beam, width=width)),
    rounds=parts.rounds,
    take=take,
  )
  return dataclasses.replace(beams, rows=beams.rows["rows"])


def ahead(rows: Tree, *, simulate: Callable[[Tree], Tree], steps: int) -> Tree:
  """The rows after `steps` calls of `simulate`, each one step on every row."""
  return jax.lax.fori_loop(0, steps, lambda _, rows: simulate(rows), rows)
