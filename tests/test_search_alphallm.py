"""AlphaLLM's search on a tree of numbers: what it draws, judges, counts, answers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.search import loop
from jaxrl.search.state import Parts
from jaxrl.search.strategies.alphallm import _reward, alphallm

CHILDREN, DEPTH, LONG = 4, 3, 5  # LONG tokens a step
FIRST = [0, 1, 5, 21]  # the first node of each depth
NODES = 85
KEY = jax.random.key(3)


def parts(values, rounds=DEPTH):
  """Node n has the children 4 n + 1 .. 4 n + 4; each says its place five times."""
  start = {"node": jnp.zeros(6, jnp.int32), "drawn": jnp.zeros(6, jnp.int32)}
  over = lambda rows: rows["node"] >= FIRST[DEPTH]

  def step(rows, place):
    live = ~over(rows)
    node = jnp.where(live, rows["node"] * CHILDREN + 1 + place, rows["node"])
    return {"node": node, "drawn": rows["drawn"] + LONG * live}

  def expand(rows, key):
    rows = step(rows, jax.random.randint(key, rows["node"].shape, 0, CHILDREN))
    return rows, over(rows)

  def words(rows):
    place = (rows["node"] - 1) % CHILDREN
    count = rows["node"].shape[0]
    return jnp.repeat(place[:, None], LONG, 1), jnp.full(count, LONG)

  def take(rows, parents):
    fresh = jnp.zeros(parents.shape, jnp.int32).at[0].set(jnp.sum(rows["drawn"]))
    return {"node": rows["node"][parents], "drawn": fresh}

  none = dict.fromkeys(
    ("begin", "complete", "outputs", "likelihood", "repeats", "idle"), loop.best
  )
  none |= dict.fromkeys(("merge", "uniform", "each"), loop.best)
  return Parts(
    **none,
    rows=start,
    rounds=rounds,
    expand=expand,
    simulate=lambda rows: step(rows, 0),
    score=lambda rows: values[rows["node"]],
    words=words,
    take=take,
    over=over,
    pack=lambda rows: {"node": rows["node"]},
    unpack=lambda packed: {**packed, "drawn": jnp.zeros_like(packed["node"])},
    length=lambda packed: jnp.zeros_like(packed["node"]),
    drawn=lambda rows: rows["drawn"],
    spent=lambda rows, tokens: {**rows, "drawn": tokens},
    problems=1,
  )


@functools.partial(jax.jit, static_argnums=(1, 2))
def run(values, rounds, options):
  return alphallm(parts(values, rounds), KEY, **dict(options))


def searched(values, rounds=DEPTH, **options):
  beams = run(jnp.asarray(values, jnp.float32), rounds, tuple(options.items()))
  used = np.asarray(beams.steps) > 0
  return beams, np.asarray(beams.rows["node"])[used]


def above(node, depth):
  while node >= FIRST[depth + 1]:
    node = (node - 1) // CHILDREN
  return node


def test_a_reward_is_a_value_an_outcome_and_a_step():
  node = {"p": jnp.array([0.75, 0.0]), "outcome": jnp.array([0.25, 1.0])}
  of = lambda *weights: _reward(weights, node, KEY).tolist()
  assert of(1.0, 1.0, 0.0) == [0.5 + 0.25, -1.0 + 1.0]
  assert of(0.0, 0.0, 1.0) == [0.75, 0.0]


def test_answers_are_ends_with_their_own_score():
  values = np.random.default_rng(0).random(NODES)
  beams, nodes = searched(values, searches=6, widths=(2, 4), exploration=9.0)
  assert len(nodes) == 6 and (nodes >= FIRST[DEPTH]).all()
  np.testing.assert_allclose(beams.score, values[nodes], rtol=1e-6)
  assert beams.finished.all() and len(set(nodes.tolist())) == 6
  # The first child of a node is its greedy one.
  assert {above(node, 1) for node in nodes} >= {1}
  assert any((node - 1) % CHILDREN == 0 for node in nodes)


@pytest.mark.parametrize("merging, alike", [((5, 60), False), ((0, 1), True)])
def test_siblings_differ_where_draws_are_merged(merging, alike):
  """The root has all its four children, none twice, unless nothing is asked."""
  values = np.full(NODES, 0.5)
  beams, nodes = searched(
    values, rounds=2, searches=4, widths=(1, 4), merging=merging, rollouts=1
  )
  assert not beams.finished.any()  # at its depth, and no answer
  assert (len({above(node, 1) for node in nodes}) < 4) == alike
  # Eight nodes of one draw each, and rollouts of two steps behind the upper ones.
  tokens, kept = int(beams.rows["drawn"][0]), 4 * LONG * (1 + 2) + 4 * LONG * (1 + 1)
  assert (tokens == kept) if alike else (tokens > kept)


def test_an_outcome_is_a_mean_over_rollouts():
  """All ends below child 1 are right, a half of those below child 2."""
  values = np.zeros(NODES)
  ends = range(FIRST[3], NODES)
  values[[n for n in ends if above(n, 1) == 1]] = 1
  values[[n for n in ends if above(n, 1) == 2 and n % 2]] = 1
  beams, nodes = searched(
    values,
    rounds=2,
    searches=4,
    widths=(1, 4),
    merging=(5, 60),
    rollouts=64,
    exploration=9.0,
  )
  found = {above(n, 1): float(x) for n, x in zip(nodes, beams.score, strict=True)}
  assert found[1] == 1 and found[3] == found.get(4, 0) == 0  # six rows are kept
  assert 0.25 < found[2] < 0.75 and (found[2] * 64).is_integer()


@pytest.mark.parametrize(
  "weights, entered",
  [((1.0, 0.0, 0.0), 1), ((0.0, 1.0, 0.0), 2), ((0.0, 0.0, 1.0), 1)],
)
def test_weights_say_what_a_search_follows(weights, entered):
  """Steps below child 1 look good and end badly; below child 2 the other way."""
  values = np.full(NODES, 0.5)
  for node in range(1, NODES):
    ends = node >= FIRST[3]
    values[node] = {1: 0.1 if ends else 0.9, 2: 0.9 if ends else 0.1}.get(
      above(node, 1), 0.5
    )
  _, nodes = searched(
    values,
    searches=5,
    widths=(2, 4),
    merging=(5, 60),
    weights=weights,
    exploration=0.0,
  )
  # With ends, the first of all: it is entered while its mean is the highest.
  below = [above(node, 1) for node in nodes if node >= FIRST[3]]
  assert below[0:] and max(set(below), key=below.count) == entered


def test_there_are_as_many_ends_as_searches_or_ten_times_the_searches():
  values = np.random.default_rng(1).random(NODES)
  beams, nodes = searched(values, searches=5, widths=(3, 4), merging=(0, 1))
  assert int(beams.finished.sum()) >= 5 and len(nodes) == 6
  # One chain has one end: the limit is reached, by visits that cost nothing.
  beams, nodes = searched(values, searches=4, widths=(1, 1), merging=(0, 1), rollouts=1)
  assert nodes.tolist()[0] == FIRST[3] and int(beams.finished.sum()) == 1
  assert int(beams.rows["drawn"][0]) == LONG * (3 + 2 + 1)  # steps, and rollouts
