"""Nodes of AlphaLLM's tree: how one option of a node is made and judged. Inside jit.

A node keeps a row's caches, so that nothing is read twice, and beside them the few
numbers that its siblings' making and its own reward read.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxrl.search.distinct import distinct, nearest
from jaxrl.search.state import Parts
from jaxrl.search.tree import Children, SearchTree, of_children
from jaxrl.types import Tree


def node(parts: Parts, row: Tree, number: Array | int) -> Tree:
  """What the tree keeps of a row that has not been judged."""
  one = parts.unpack(jax.tree.map(lambda x: x[None], row))
  words, length = parts.words(one)
  return {
    "row": row,
    "number": jnp.asarray(number, jnp.int32),
    "words": words[0],
    "length": length[0],
    "ended": parts.over(one)[0],
    "p": parts.score(one)[0],
    "outcome": jnp.zeros(()),
    "tokens": jnp.zeros((), jnp.int32),
  }


def expand(
  parts: Parts,
  tree: SearchTree,
  rollouts: int,
  merging: tuple[int, int],
  parent: Tree,
  key: Array,
) -> Children:
  """One child of a node, judged; its number is the next one of the table."""
  number = parent["number"]
  before = parts.unpack(jax.tree.map(lambda x: x[None], parent["row"]))
  option_key, rollout_key = jax.random.split(key)

  def greedy(key: Array) -> tuple[Tree, Array]:
    del key
    rows = parts.simulate(before)
    return parts.pack(rows), jnp.sum(parts.drawn(rows))

  def draw(key: Array) -> tuple[Tree, Array, Array]:
    rows, _ = parts.expand(before, key)
    words, length = parts.words(rows)
    others, there = of_children(tree, number, tree.rows["words"])
    lengths, _ = of_children(tree, number, tree.rows["length"])
    far = nearest(words[0], length[0], others, lengths, there)
    return parts.pack(rows), far, jnp.sum(parts.drawn(rows))

  def another(key: Array) -> tuple[Tree, Array]:
    return distinct(draw, key, distance=merging[0], tries=merging[1])

  row, spent = jax.lax.cond(tree.degree[number] == 0, greedy, another, option_key)
  made = parts.unpack(row)
  outcome, tokens = outcome_of(parts, made, rollouts, rollout_key)
  child = node(parts, jax.tree.map(lambda x: x[0], row), tree.count)
  child |= {"outcome": outcome, "tokens": spent + tokens}
  deep = tree.depth[number] + 1 >= parts.rounds
  return Children(
    rows=jax.tree.map(lambda x: x[None], child),
    prior=jnp.ones(1),
    terminal=(child["ended"] | deep)[None],
    exists=jnp.ones(1, bool),
  )


def outcome_of(parts: Parts, row: Tree, count: int, key: Array) -> tuple[Array, Array]:
  """The mean score of so many continuations to the end, and their tokens.

  A row that has ended stays as it is, and so its score is its own.
  """

  def going(state: tuple[Tree, Array, Array]) -> Array:
    rows, _, step = state
    return (step < parts.rounds) & ~jnp.all(parts.over(rows))

  def turn(state: tuple[Tree, Array, Array]) -> tuple[Tree, Array, Array]:
    rows, key, step = state
    key, use = jax.random.split(key)
    return parts.expand(rows, use)[0], key, step + 1

  copies = parts.take(row, jnp.zeros(count, jnp.int32))
  first = (copies, key, jnp.zeros((), jnp.int32))
  rows, _, _ = jax.lax.while_loop(going, turn, first)
  return jnp.mean(parts.score(rows)), jnp.sum(parts.drawn(rows))
