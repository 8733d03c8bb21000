"""The loop of flat searches, on a fixed tree whose values are known."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.search import loop
from jaxrl.search.state import Parts
from jaxrl.search.strategies import entropic_particle_filter as epf
from jaxrl.search.strategies import pav, value_guided_blocks
from jaxrl.search.strategies.beam import beam
from jaxrl.search.strategies.best_of_n import best_of_n
from jaxrl.search.strategies.diverse_beam import diverse_beam
from jaxrl.search.strategies.early_rejection import early_rejection
from jaxrl.search.strategies.lookahead import ahead, lookahead
from jaxrl.search.strategies.lookahead_particle_filter import (
  lookahead_particle_filter,
)
from jaxrl.search.strategies.particle_filter import particle_filter

KEY = jax.random.key(0)

# --- the loop, on a fixed tree ------------------------------------------------------

CHILDREN, DEPTH = 3, 4  # node i has children 3 i + 1 .. 3 i + 3
NODES = sum(CHILDREN**d for d in range(DEPTH + 1))
LEAVES = range(NODES - CHILDREN**DEPTH, NODES)


def tree_values(seed):
  """Values of leaves, and of every node the best below it."""
  values = np.zeros(NODES, np.float32)
  values[list(LEAVES)] = np.random.default_rng(seed).random(len(LEAVES))
  for node in reversed(range(LEAVES[0])):
    first = CHILDREN * node + 1
    values[node] = values[first : first + CHILDREN].max()
  return jnp.asarray(values)


def expand(rows, key):
  """Row i takes child i % CHILDREN: all children of a group's parent are drawn."""
  del key
  node = rows["node"]
  child = CHILDREN * node + 1 + jnp.arange(node.shape[0]) % CHILDREN
  node = jnp.where(node >= LEAVES[0], node, child)
  return {"node": node}, node >= LEAVES[0]


def expand_at_random(rows, key):
  node = rows["node"]
  child = CHILDREN * node + 1 + jax.random.randint(key, node.shape, 0, CHILDREN)
  node = jnp.where(node >= LEAVES[0], node, child)
  return {"node": node}, node >= LEAVES[0]


# The values are an argument, so that trees of one test share a program.
@functools.partial(jax.jit, static_argnames=("select", "expand"))
def run(select, values, expand=expand):
  return loop.search(
    {"node": jnp.zeros(6, jnp.int32)},
    KEY,
    expand=expand,
    score=lambda rows: values[rows["node"]],
    select=select,
    rounds=DEPTH + 2,
  )


@pytest.mark.parametrize(
  "select",
  [
    functools.partial(beam, width=CHILDREN),
    functools.partial(value_guided_blocks.value_guided_blocks, width=CHILDREN),
    functools.partial(
      diverse_beam, trees=2, within={"name": "beam", "width": CHILDREN}
    ),
  ],
)
def test_perfect_scores_find_the_best_leaf(select):
  for seed in range(5):
    values = tree_values(seed)
    beams = run(select, values)
    assert bool(jnp.all(beams.finished))
    assert int(beams.round) == DEPTH  # ends before its limit
    found = int(beams.rows["node"][loop.best(beams)])
    assert found == LEAVES[0] + int(jnp.argmax(values[LEAVES[0] :]))


def test_best_of_n_is_plain_sampling():
  values = tree_values(0)
  one = run(best_of_n, values, expand=expand_at_random)
  rows = {"node": jnp.zeros(6, jnp.int32)}
  key = KEY
  for _ in range(DEPTH):
    key, _, use = jax.random.split(key, 3)
    rows, _ = expand_at_random(rows, use)
  np.testing.assert_array_equal(one.rows["node"], rows["node"])


@pytest.mark.parametrize(
  "select", [particle_filter, epf.entropic_particle_filter], ids=["pf", "epf"]
)
def test_particles_reach_leaves_that_are_certain(select):
  """One leaf is right and the scores know it: all particles reach its parent."""
  values = jnp.zeros(NODES).at[jnp.array([0, 2, 8, 25, 77])].set(1.0)
  beams = run(select, values)
  assert ((beams.rows["node"] - 1) // CHILDREN == 25).all()
  assert int(beams.rows["node"][loop.best(beams)]) == 77


def parts(rows, values, **changed):
  """Of a search on the tree, for one problem."""
  first_child = lambda rows: {
    "node": jnp.where(
      rows["node"] < LEAVES[0], rows["node"] * CHILDREN + 1, rows["node"]
    )
  }
  fields = {
    "rows": rows,
    "rounds": DEPTH,
    "expand": expand,
    "begin": expand,
    "complete": lambda rows, key: (rows, rows["node"] >= LEAVES[0]),
    "simulate": first_child,
    "score": lambda rows: values[rows["node"]],
    "outputs": lambda rows: values[rows["node"]][:, None],
    "likelihood": lambda rows: jnp.ones(rows["node"].shape),
    "repeats": lambda rows: jnp.zeros(rows["node"].shape, bool),
    "take": loop.take_rows,
    "idle": lambda rows, mask: rows,
    "merge": lambda mask, a, b: jax.tree.map(lambda x, y: jnp.where(mask, x, y), a, b),
    **dict.fromkeys(
      ("over", "uniform", "words", "pack", "unpack", "length"), loop.best
    ),
    "drawn": lambda rows: jnp.zeros(rows["node"].shape, jnp.int32),
    "spent": lambda rows, tokens: rows,
    "problems": 1,
    "each": lambda select: select,
  }
  return Parts(**{**fields, **changed})


def test_a_look_ahead_that_tells_all_keeps_particles_on_its_path():
  """Only first children of the good node score: rows are drawn by that, not by luck."""
  values = jnp.full(NODES, 1e-6).at[1:4].set(0.5)
  values = values.at[2 * CHILDREN + 1].set(0.9)  # what a greedy step from node 2 sees
  rows = {"node": jnp.zeros(30, jnp.int32)}
  beams = lookahead_particle_filter(parts(rows, values, rounds=2), KEY)
  assert set(((beams.rows["node"] - 1) // CHILDREN).tolist()) == {2}
  expected = jnp.log(values[beams.rows["node"]] / 0.9)
  np.testing.assert_allclose(beams.log_weight, expected, rtol=1e-4, atol=1e-5)


def test_look_ahead_beams_choose_by_what_comes_after():
  values = tree_values(6)
  rows = {"node": jnp.zeros(3, jnp.int32)}
  beams = lookahead(parts(rows, values, rounds=1), KEY, width=3, steps=1)
  np.testing.assert_array_equal(beams.score, values[beams.rows["node"] * CHILDREN + 1])


def test_progress_counts_beside_worth():
  """PAV: of equal worth the row goes on whose last step has gained more."""
  beams = loop.start(
    {"node": jnp.zeros(3, int)}, KEY, score=lambda r: jnp.zeros(3), rounds=3
  )
  beams = beams.replace(
    score=jnp.array([0.5, 0.5, 0.6]),
    scores=jnp.array([[0.3, 0.5, 0.0], [0.5, 0.5, 0.0], [0.6, 0.0, 0.0]]),
    steps=jnp.array([2, 2, 1]),
  )
  asked = jnp.full(3, 0.4)
  one = pav.value(beams, asked=asked, alpha=0.5, k=1)
  np.testing.assert_allclose(one, [0.5 + 0.1, 0.5, 0.6 + 0.1], rtol=1e-6)
  four = pav.value(beams, asked=asked, alpha=1.0, k=4)
  # A of the best of four: .3 -> .5 is .1776, .4 -> .6 is .6^4 - .4^4 = .104
  np.testing.assert_allclose(four, [0.6776, 0.5, 0.704], rtol=1e-5)
  none = pav.value(beams, asked=asked, alpha=0.0, k=4)
  np.testing.assert_array_equal(none, beams.score)


def test_scores_are_kept_step_by_step():
  values = tree_values(1)
  beams = run(functools.partial(beam, width=CHILDREN), values)
  assert bool(jnp.all(beams.scored.sum(1) == DEPTH))
  for row in range(6):
    node = int(beams.rows["node"][row])
    for step in reversed(range(DEPTH)):
      assert beams.scores[row, step] == values[node]
      node = (node - 1) // CHILDREN
  assert not np.asarray(beams.scores)[:, DEPTH:].any()
  np.testing.assert_array_equal(beams.score, beams.scores[:, DEPTH - 1])


def test_finished_rows_keep_their_score():
  """Row i is finished after i + 1 rounds; scores are the number of the round."""

  def count(rows, key):
    del key
    made = jnp.where(rows["made"] > jnp.arange(4), rows["made"], rows["made"] + 1)
    return {"made": made, "round": rows["round"] + 1}, made > jnp.arange(4)

  zero = jnp.zeros(4, jnp.int32)
  beams = loop.search(
    {"made": zero, "round": zero},
    KEY,
    expand=count,
    score=lambda rows: rows["round"].astype(jnp.float32) / 10,
    select=best_of_n,
    rounds=8,
  )
  np.testing.assert_allclose(beams.score, [0.1, 0.2, 0.3, 0.4])
  assert beams.steps.tolist() == [1, 2, 3, 4] and int(beams.round) == 4
  expected = np.tril(np.ones((4, 4))) * [0.1, 0.2, 0.3, 0.4]
  np.testing.assert_allclose(beams.scores[:, :4], expected)
  p = np.asarray(beams.score)
  np.testing.assert_allclose(beams.log_weight, np.log(p / (1 - p)), rtol=1e-5)
  assert int(loop.best(beams)) == 3


def test_jit_equals_no_jit_and_rounds_end_it():
  values = tree_values(2)
  arguments = {
    "expand": expand,
    "score": lambda rows: values[rows["node"]],
    "select": functools.partial(beam, width=CHILDREN),
    "rounds": 2,
  }
  rows = {"node": jnp.zeros(6, jnp.int32)}
  one = jax.jit(functools.partial(loop.search, **arguments))(rows, KEY)
  with jax.disable_jit():
    two = loop.search(rows, KEY, **arguments)
  assert int(one.round) == 2 and not one.finished.any()
  for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
    if not jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
      np.testing.assert_allclose(a, b, rtol=1e-6)
  with pytest.raises(ValueError, match="at least one round"):
    loop.search(rows, KEY, **{**arguments, "rounds": 0})


def test_rows_on_another_axis():
  """A cache whose rows are its second axis is reordered by the caller's `take`."""
  values = tree_values(3)
  rows = {"node": jnp.zeros(6, jnp.int32), "cache": jnp.zeros((2, 6), jnp.int32)}

  def widened(rows, key):
    new, finished = expand({"node": rows["node"]}, key)
    cache = jnp.broadcast_to(new["node"], (2, new["node"].shape[0]))
    return {**new, "cache": cache}, finished

  take = lambda rows, parents: {
    "node": rows["node"][parents],
    "cache": rows["cache"][:, parents],
  }
  trees = functools.partial(diverse_beam, trees=2, within={"name": "beam", "width": 3})
  beams = loop.search(
    rows,
    KEY,
    expand=widened,
    score=lambda rows: values[rows["node"]],
    select=trees,
    rounds=DEPTH,
    take=take,
  )
  np.testing.assert_array_equal(beams.rows["cache"][1], beams.rows["node"])


def test_look_ahead_scores_what_comes_after():
  values = tree_values(4)
  greedy = lambda rows: {"node": expand(rows, KEY)[0]["node"]}
  rows = {"node": jnp.zeros(3, jnp.int32)}
  score = lambda rows: values[rows["node"]]
  none = ahead(rows, simulate=greedy, steps=0)
  np.testing.assert_array_equal(score(none), score(rows))
  two = ahead(rows, simulate=greedy, steps=2)
  np.testing.assert_array_equal(score(two), score(greedy(greedy(rows))))
  np.testing.assert_array_equal(
    score(ahead(rows, simulate=greedy, steps=9)),
    score(ahead(rows, simulate=greedy, steps=DEPTH)),
  )


# --- early rejection ----------------------------------------------------------------

TAU, LENGTH, STEPS = 2, 5, 3  # tokens of a step's beginning, of a step, steps


def step_tokens(rows, first, last):
  """Writes tokens first .. last - 1 of the step under way."""
  at = rows["step"][:, None] * LENGTH + jnp.arange(first, last)[None, :]
  drawn = jax.vmap(lambda key: jax.random.randint(key, (LENGTH,), 0, 50))(rows["key"])
  live = rows["step"][:, None] < STEPS
  at = jnp.where(live, at, 10_000)
  row = jnp.arange(at.shape[0])[:, None]
  tokens = rows["tokens"].at[row, at].set(drawn[:, first:last], mode="drop")
  return {**rows, "tokens": tokens}


def begin(rows, key):
  fresh = jax.random.split(key, rows["step"].shape[0])
  return step_tokens({**rows, "key": fresh}, 0, TAU), rows["step"] >= STEPS


def complete(rows, key):
  del key
  rows = step_tokens(rows, TAU, LENGTH)
  rows = {**rows, "step": rows["step"] + 1}
  return rows, rows["step"] >= STEPS


def partial_score(rows):
  """Of the first tokens of the latest step that has begun."""
  step = jnp.clip(rows["step"] - rows["whole"], 0, STEPS - 1)
  at = step[:, None] * LENGTH + jnp.arange(TAU)[None, :]
  return jnp.take_along_axis(rows["tokens"], at, axis=1).mean(1) / 50


def test_early_rejection_is_beam_search_where_the_beginning_tells_all():
  """The same draws, and completions of N / width rows in place of N."""
  n, width = 8, 4
  completed = []

  def counted(rows, key):
    completed.append(rows["step"].shape[0])
    return complete(rows, key)

  def whole(rows, key):
    rows, before = begin(rows, key)
    rows, after = complete(rows, key)
    return rows, before | after

  def start(whole):
    return {
      "tokens": jnp.full((n, STEPS * LENGTH), -1),
      "step": jnp.zeros(n, jnp.int32),
      "whole": jnp.full(n, whole, jnp.int32),
      "key": jax.random.split(KEY, n),
    }

  early = early_rejection(
    parts(
      start(0),
      None,
      begin=begin,
      complete=counted,
      score=partial_score,
      rounds=STEPS + 2,
    ),
    KEY,
    width=width,
  )
  # The keys of the loop: (next, select, expand) there, (next, begin, complete) here.
  beams = loop.start(start(1), KEY, score=partial_score, rounds=STEPS + 2)
  for _ in range(STEPS):
    key, use, _ = jax.random.split(beams.key, 3)
    beams = loop.advance(
      beams.replace(key=key), use, expand=whole, score=partial_score, weigh=loop.logit
    )
    beams = loop.reorder(beams, beam(beams, KEY, width=width), take=loop.take_rows)
  assert bool(jnp.all(early.finished)) and int(early.round) == STEPS
  np.testing.assert_array_equal(early.rows["tokens"], beams.rows["tokens"])
  np.testing.assert_allclose(early.score, beams.score)
  assert (np.asarray(early.rows["tokens"]) >= 0).all()
  assert set(completed) == {n // width}


def test_correlation_of_partial_and_final_scores():
  """With independent token scores it is sqrt(tau / L)."""
  tokens = np.random.default_rng(0).normal(size=(20_000, 50))
  for share in (0.16, 0.64):
    part = tokens[:, : round(50 * share)].mean(1)
    correlation = np.corrcoef(part, tokens.mean(1))[0, 1]
    assert math.isclose(correlation, math.sqrt(share), abs_tol=0.02)
