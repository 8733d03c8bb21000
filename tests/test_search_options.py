"""Trees that get one drawn child at a time: AlphaLLM's and HGS-PRM's searches."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.search import alphallm, tree
from jaxrl.search.hgs import hgs
from jaxrl.search.mcts import mcts
from jaxrl.search.tree import Children
from tests.references.search import alphallm as alphallm_reference
from tests.references.search import hgs as hgs_reference

KEY = jax.random.key(0)


class Chain:
  """Options that are drawn: the code of a child is made of its parent's and a draw."""

  deepest = 4

  def __init__(self, seed):
    draw = np.random.default_rng(seed)
    self.rewards = draw.uniform(-1, 1, 9973).astype(np.float32)
    self.labels = draw.choice([0, 1, 2], 9973, p=[0.5, 0.3, 0.2])

  def code(self, parent, draw):
    return (parent * 31 + draw + 7) % 9973

  def reward(self, code):
    return float(self.rewards[code])

  def label(self, code):
    return int(self.labels[code])

  def expand(self, row, key):
    child = self.code(row["code"], jax.random.randint(key, (), 0, 1000))
    depth = row["depth"] + 1
    return Children(
      rows={"code": child[None], "depth": depth[None]},
      prior=jnp.ones(1),
      terminal=(depth == self.deepest)[None],
      exists=jnp.ones(1, bool),
    )

  root = {"code": jnp.int32(0), "depth": jnp.int32(0)}  # noqa: RUF012


def draws_of(keys):
  return [int(jax.random.randint(key, (), 0, 1000)) for key in keys]


@pytest.mark.parametrize("case", alphallm_reference.CASES)
def test_alphallm_against_reference(case):
  searches, options = 40, dict(case)
  wide = {name: options.pop(name) for name in ("scale", "most") if name in options}
  keys, key = [], KEY
  for _ in range(searches):
    key, use = jax.random.split(key)
    keys.append(jax.random.split(use)[0])

  @jax.jit
  def search(rewards):
    return mcts(
      alphallm.start(Chain.root, nodes=searches + 1, at_root=6),
      KEY,
      expand=Chain(0).expand,
      evaluate=lambda rows, key: rewards[rows["code"]],
      select=functools.partial(alphallm.alphallm, **options),
      backup=alphallm.backup,
      iterations=searches,
      widen=functools.partial(alphallm.width, **wide),
    )

  for seed in range(4):
    game = Chain(seed)
    found = search(jnp.asarray(game.rewards))
    expected = alphallm_reference.alphallm(game, draws_of(keys), **case)
    n = int(found.count)
    mean = tree.mean_value(found)
    got = np.stack([found.parent[:n], found.visits[:n], mean[:n]], axis=1)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    visits, parent = got[:, 1], got[:, 0]
    for node in range(n):  # N = sum of the children's, and 1 but for the root
      if found.degree[node]:
        assert visits[node] == visits[parent == node].sum() + (node > 0)


def test_alphallm_width_known_numbers():
  for values, expected in (
    ([0.3, 0.3, 0.3], 3),
    ([-1.0, 1.0], 3),
    ([-1.0, -1.0, 2.0], 4),
    ([-9.0, 9.0], 10),
  ):
    found = alphallm.start(Chain.root, nodes=9, at_root=3)
    for value in values:
      found, made = tree.add(found, jnp.int32(0), Chain(0).expand(Chain.root, KEY))
      found = alphallm.backup(found, jnp.int32(0), made, jnp.array([value]))
    assert int(alphallm.width(found, jnp.int32(0))) == expected
  wide = found.replace(width=found.width.at[0].set(40))
  assert int(alphallm.width(wide, jnp.int32(0))) == 40  # never shrinks


def test_alphallm_rewards():
  assert math.isclose(alphallm.reward(*map(jnp.float32, (0.5, 0.25, 9.0))), 0.75)
  nan = jnp.nan
  share = alphallm.yes_share(
    jnp.array([0.3, nan, 0.4, nan, 0.0]), jnp.array([0.1, 0.9, nan, nan, 0.0])
  )
  np.testing.assert_allclose(share, [0.75, 0, 1, 0, 0], rtol=1e-6)


# --- HGS ----------------------------------------------------------------------------


@functools.partial(jax.jit, static_argnames=("samples", "children"))
def walked(labels, samples=50, children=3):
  return hgs(
    tree.start(Chain.root, nodes=samples + 1, width=children),
    KEY,
    expand=Chain(0).expand,
    classify=lambda rows: labels[rows["code"]],
    samples=samples,
    children=children,
  )


def walk(game, **case):
  found, node, used = walked(jnp.asarray(game.labels), **case)
  return int(found.rows["code"][node]), int(used), found, int(node)


@pytest.mark.parametrize("case", hgs_reference.CASES)
def test_hgs_against_reference(case):
  keys, key = [], KEY
  for _ in range(50):
    key, use = jax.random.split(key)
    keys.append(use)
  draws = draws_of(keys)
  ends = set()
  for seed in range(12):
    game = Chain(seed)
    code, used, found, node = walk(game, **case)
    assert (code, used) == hgs_reference.hgs(game, draws, **case)
    assert int(found.count) == 1 + used
    ends.add(int(found.depth[node]))
  assert len(ends) > 1  # answers, and searches that ended before one


def test_hgs_with_constant_classes():
  game = Chain(0)
  game.labels = np.full(9973, 2)
  code, used, found, node = walk(game)
  assert used == game.deepest and bool(found.terminal[node])  # one sample a step
  assert tree.path_to(found, node) == list(range(game.deepest + 1))
  game.labels = np.zeros(9973, int)
  code, used, found, node = walk(game)
  assert (code, used, node) == (0, 3, 0)  # back at the root
  game.labels = np.ones(9973, int)
  assert walk(game)[1] == 3 * game.deepest  # the first neutral one after all three


def test_hgs_needs_room():
  small = tree.start(Chain.root, nodes=9, width=3)
  with pytest.raises(ValueError, match="too few"):
    hgs(small, KEY, expand=Chain(0).expand, classify=jnp.asarray)
