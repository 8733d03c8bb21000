"""Tree searches on small trees: whole tables against searches over plain objects."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.search import groundedprm, meds3, tree
from jaxrl.search.alphamath import alphamath
from jaxrl.search.mcts import mcts
from jaxrl.search.puct import puct
from jaxrl.search.tree import NO_NODE, Children
from tests.references.search import alphamath as alphamath_reference
from tests.references.search import groundedprm as groundedprm_reference
from tests.references.search import meds3 as meds3_reference

KEY = jax.random.key(0)


class Game:
  """A tree of three children a node: i has 3 i + 1 .. 3 i + 3; some end early."""

  width, depth = 3, 4
  nodes = (3**5 - 1) // 2

  def __init__(self, seed, signed=False):
    draw = np.random.default_rng(seed)
    low = -1.0 if signed else 0.0
    self.value = draw.uniform(low, 1, self.nodes).astype(np.float32)
    self.prior = draw.random(self.nodes).astype(np.float32)
    self.u = draw.uniform(-1, 1, self.nodes).astype(np.float32)
    self.terminal = draw.random(self.nodes) < 0.15
    self.terminal[0] = False
    self.terminal[(3**4 - 1) // 2 :] = True
    if signed:
      self.value = np.where(self.terminal, np.sign(self.value), self.value)

  def children(self, i):
    return [3 * i + 1, 3 * i + 2, 3 * i + 3]

  def arrays(self):
    return {name: getattr(self, name) for name in ("value", "prior", "u", "terminal")}

  def expand(self, row, key):
    del key
    child = 3 * row + 1 + jnp.arange(3)
    return Children(
      rows=child,
      prior=jnp.asarray(self.prior)[child],
      terminal=jnp.asarray(self.terminal)[child],
      exists=jnp.ones(3, bool),
    )

  def evaluate(self, rows, key):
    del key
    return jnp.asarray(self.value)[rows]

  def rollouts(self, rows, key):
    judged = self.evaluate(rows, key)
    simulated = jnp.arange(3) == jnp.argmax(judged)
    return groundedprm.Rollouts(judged, simulated, jnp.asarray(self.u)[rows])

  def start(self, iterations):
    found = tree.start(jnp.int32(0), nodes=1 + 3 * iterations, width=3)
    value = found.value.at[0].set(self.value[0])
    return dataclasses.replace(found, value=value)


# The arrays of a game are arguments, so that games of one test share a program.
@functools.partial(jax.jit, static_argnums=(1, 2, 3, 4))
def searched(arrays, iterations, select, backup, evaluate):
  game = Game(0)
  vars(game).update(arrays)
  return mcts(
    game.start(iterations),
    KEY,
    expand=game.expand,
    evaluate=getattr(game, evaluate),
    select=select,
    backup=backup,
    iterations=iterations,
  )


def run(game, iterations, select, backup, evaluate="evaluate"):
  return searched(game.arrays(), iterations, select, backup, evaluate)


def table(found, number):
  """[id, visits, number] of the nodes in use."""
  n = int(found.count)
  return np.stack([found.rows[:n], found.visits[:n], number[:n]], axis=1)


# --- the table ----------------------------------------------------------------------


def test_table_after_two_expansions():
  game = Game(0)
  found = game.start(3)
  found, first = tree.add(found, jnp.int32(0), game.expand(jnp.int32(0), KEY))
  some = game.expand(jnp.int32(2), KEY).replace(exists=jnp.array([True, False, True]))
  found, second = tree.add(found, jnp.int32(2), some)
  assert first.tolist() == [1, 2, 3] and second.tolist() == [4, NO_NODE, 5]
  assert found.rows[:6].tolist() == [0, 1, 2, 3, 7, 9]
  assert found.parent[:6].tolist() == [NO_NODE, 0, 0, 0, 2, 2]
  assert found.depth[:6].tolist() == [0, 1, 1, 1, 2, 2]
  assert found.degree[:6].tolist() == [3, 0, 2, 0, 0, 0]
  assert found.children[2].tolist() == [4, 5, NO_NODE]
  assert tree.distances(found, jnp.int32(5))[:6].tolist() == [2, -1, 1, -1, -1, 0]
  assert tree.path_to(found, 5) == [0, 2, 5]


def test_table_without_room_and_dead_ends():
  game = Game(0)
  game.terminal[1:3] = False
  small = tree.start(jnp.int32(0), nodes=3, width=3)
  small, made = tree.add(small, jnp.int32(0), game.expand(jnp.int32(0), KEY))
  assert made.tolist() == [1, 2, NO_NODE] and int(small.count) == 3
  nothing = game.expand(jnp.int32(1), KEY).replace(exists=jnp.zeros(3, bool))
  small, made = tree.add(small, jnp.int32(1), nothing)
  assert made.tolist() == [NO_NODE] * 3 and bool(small.terminal[1])
  assert not bool(small.terminal[0])


def test_search_ends_where_the_table_is_full():
  game = Game(0)
  start = tree.start(jnp.int32(0), nodes=8, width=3)
  found = mcts(
    start,
    KEY,
    expand=game.expand,
    evaluate=game.evaluate,
    select=puct,
    backup=alphamath,
    iterations=30,
  )
  assert int(found.count) == 7


def test_many_trees_at_once():
  game = Game(0)
  one = run(game, 6, puct, alphamath)
  many = jax.vmap(lambda _: run(game, 6, puct, alphamath))(jnp.arange(2))
  np.testing.assert_allclose(many.value_sum[1], one.value_sum, rtol=1e-6)


# --- published rules ----------------------------------------------------------------


@pytest.mark.parametrize("case", alphamath_reference.CASES)
def test_alphamath_against_reference(case):
  select = functools.partial(puct, **case)
  exhausted = 0
  for seed in range(8):
    game = Game(seed, signed=True)
    found = run(game, 24, select, alphamath)
    expected = alphamath_reference.alphamath(game, 24, **case)
    np.testing.assert_allclose(
      table(found, found.value_sum), expected, rtol=1e-4, atol=1e-4
    )
    exhausted += bool(found.closed[0])
  assert 0 < exhausted < 8


def test_alphamath_counts_and_values():
  """|Q| <= 1, and N of a parent is that of its children and its own evaluation."""
  found = run(Game(1, signed=True), 25, puct, alphamath)
  n = int(found.count)
  assert (np.abs(tree.mean_value(found)[:n]) <= 1 + 1e-6).all()
  visits, parent = np.asarray(found.visits), np.asarray(found.parent)
  for node in range(n):
    if found.degree[node]:
      assert visits[node] == visits[:n][parent[:n] == node].sum() + 1
    elif found.terminal[node]:
      assert visits[node] == 1


def test_jit_equals_no_jit():
  game = Game(1, signed=True)
  one = run(game, 2, puct, alphamath)
  with jax.disable_jit():
    two = run(game, 2, puct, alphamath)
  for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-5)


def test_alphamath_finds_the_right_leaf():
  """One leaf is right, values say how far away it is: brute force knows the best."""
  game = Game(3, signed=True)
  game.terminal = np.arange(game.nodes) >= (3**4 - 1) // 2
  game.value = np.full(game.nodes, -1.0, np.float32)
  right = game.nodes - 17
  node, near = right, 1.0
  while True:
    game.value[node] = near
    if node == 0:
      break
    node, near = (node - 1) // 3, near - 0.2
  game.prior = np.full(game.nodes, 1 / 3, np.float32)
  found = run(game, 12, puct, alphamath)
  n = int(found.count)
  leaves = [i for i in range(n) if found.terminal[i]]
  best = max(leaves, key=lambda i: float(found.value_sum[i]))
  assert int(found.rows[best]) == right
  node = 0
  while found.degree[node]:  # greedy by visits
    children = found.children[node][: found.degree[node]]
    node = int(children[np.argmax(found.visits[children])])
  assert (int(found.rows[node]) - 1) // 3 == (right - 1) // 3


@pytest.mark.parametrize("case", meds3_reference.CASES)
def test_meds3_against_reference(case):
  options = dict(case)
  keep = {"keep": options.pop("keep")} if "keep" in options else {}
  select = functools.partial(meds3.meds3, **options)
  backup = functools.partial(meds3.backup, **keep)
  for seed in range(8):
    game = Game(seed)
    found = run(game, 24, select, backup)
    expected = meds3_reference.meds3(game, 24, **case)
    np.testing.assert_allclose(
      table(found, found.value), expected, rtol=1e-4, atol=1e-4
    )


def test_meds3_continuations():
  assert meds3.continuations(jnp.arange(6)).tolist() == [20, 10, 6, 5, 5, 5]


@pytest.mark.parametrize("case", groundedprm_reference.CASES)
def test_groundedprm_against_reference(case):
  select = functools.partial(groundedprm.groundedprm, **case)
  for seed in range(8):
    game = Game(seed, signed=True)
    # Ties of +-1 judgements go to the first child, in both.
    found = run(game, 24, select, groundedprm.backup, "rollouts")
    expected = groundedprm_reference.groundedprm(game, 24, **case)
    np.testing.assert_allclose(
      table(found, found.value_sum), expected, rtol=1e-4, atol=1e-4
    )


def padded(checks, room=6):
  values = jnp.full(room, jnp.nan).at[: len(checks)].set(jnp.asarray(checks))
  return values, (jnp.arange(room) < len(checks)).astype(jnp.float32)


def test_rollout_return():
  u = lambda checks, final: float(
    groundedprm.rollout_return(*padded(checks), jnp.float32(final))
  )
  assert u([1.0, 1.0], 1) == 1.25 and u([1.0, -1.0], -1) == -0.25
  assert u([], -1) == -1 and u([-1.0, 1.0], 1) < u([1.0, -1.0], 1)
  draw = np.random.default_rng(0)
  for _ in range(20):
    checks = draw.choice([-1.0, 1.0], draw.integers(0, 6))
    final = float(draw.choice([-1, 1]))
    expected = groundedprm_reference.rollout_return(checks.tolist(), final)
    np.testing.assert_allclose(u(checks, final), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(u(-checks, -final), -expected, rtol=1e-5, atol=1e-6)


def test_path_labels():
  labels = groundedprm.path_labels
  assert labels([1.0, 0.0, -2.0, 3.0], True) == [True, False, False, True]
  assert labels([1.0, 0.0, -2.0, 3.0, -1.0], False) == [True, False, False]
  assert labels([1.0, -1.0, 0.0, 1.0], False) == [True, False]
  assert labels([1.0, -1.0, -1.0], False) == [True, False, False]
  assert labels([1.0, 2.0], False) == [True, True] and labels([], False) == []
