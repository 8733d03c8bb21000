"""HGS-PRM: greedy search that goes back where all steps are bad. Ma et al., https://arxiv.org/abs/2310.10080.

  the walk of `search/hgs`, b children a node, B samples at most
  class of a step: the highest output of a model of three (negative, neutral, positive)

or, of a model with one output, negative below `negative`, positive from `positive` on,
in its score. The answer is the node where the walk ends; at its limit the deepest one,
which is then continued step by step until it ends. The model of three classes is
trained by `step_classes`.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from jaxrl.search import hgs as walks
from jaxrl.search import nodes, tree
from jaxrl.search.state import Beams, Parts
from jaxrl.types import Tree


def hgs(
  parts: Parts,
  key: Key[Array, ""],
  *,
  children: int = 3,
  samples: int = 50,
  negative: float = 0.3,
  positive: float = 0.7,
) -> Beams:
  """One row: where the walk has ended."""

  def classify(rows: Tree) -> Array:
    seen = parts.unpack(rows)
    outputs, score = parts.outputs(seen), parts.score(seen)
    if outputs.shape[1] == 3:
      return jnp.argmax(outputs, axis=1)
    neutral = jnp.where(score >= negative, walks.NEUTRAL, walks.NEGATIVE)
    return jnp.where(score >= positive, walks.POSITIVE, neutral)

  walk_key, key = jax.random.split(key)
  start = tree.start(nodes.root(parts), nodes=1 + samples, width=children)
  grown, node, _ = walks.hgs(
    start,
    walk_key,
    expand=nodes.expander(parts, 1),
    classify=classify,
    children=children,
    samples=samples,
  )
  chosen = jnp.arange(1 + samples) == node
  beams = nodes.answers(
    parts, dataclasses.replace(grown, terminal=chosen), chosen * 1.0, key
  )
  one = parts.take(beams.rows, jnp.zeros(1, jnp.int32))

  def going(state: tuple[Tree, Array, Array]) -> Array:
    return (state[2] < parts.rounds) & ~jnp.all(parts.over(state[0]))

  def go_on(state: tuple[Tree, Array, Array]) -> tuple[Tree, Array, Array]:
    rows, key, turn = state
    return parts.expand(rows, jax.random.fold_in(key, turn))[0], key, turn + 1

  first = (one, key, jnp.zeros((), jnp.int32))
  rows, _, _ = jax.lax.while_loop(going, go_on, first)
  cut = lambda x: x[:1]
  return dataclasses.replace(
    beams,
    rows=rows,
    score=parts.score(rows),
    scores=parts.score(rows)[:, None],
    log_weight=cut(beams.log_weight),
    steps=cut(beams.steps),
    finished=parts.over(rows),
  )
