"""Strategies that are made of `Parts`, on small trees whose values are known."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl.search.strategies.adaptive_beam import adaptive_beam
from jaxrl.search.strategies.adaptive_best_of_n import adaptive_best_of_n
from jaxrl.search.strategies.alphamath import alphamath
from jaxrl.search.strategies.hgs import hgs
from jaxrl.search.strategies.pav import pav
from jaxrl.search.strategies.srm import survivors
from tests import test_search_alphallm as options
from tests.references.search import alphamath as alphamath_reference
from tests.test_search import CHILDREN, DEPTH, LEAVES, NODES, parts
from tests.test_search_trees import Game

KEY = jax.random.key(0)


# --- PAV ----------------------------------------------------------------------------


def test_beams_are_kept_by_what_their_last_step_has_gained():
  """Two of six rows are kept: of worth .62, .61 and .60 the last one has gained .4."""
  values = jnp.full(NODES, 0.01).at[jnp.array([1, 2])].set(jnp.array([0.6, 0.2]))
  values = values.at[jnp.array([4, 5, 7])].set(jnp.array([0.62, 0.61, 0.60]))
  rows = {"node": jnp.repeat(jnp.array([1, 2]), CHILDREN)}

  @jax.jit
  def kept(alpha):
    of_tree = parts(rows, values, rounds=2)
    beams = pav(of_tree, KEY, width=CHILDREN, alpha=alpha, k=1)
    return (beams.rows["node"] - 1) // CHILDREN

  assert kept(0.5).tolist() == [7] * 3 + [4] * 3
  assert kept(0.0).tolist() == [4] * 3 + [5] * 3


# --- as many rows as a question needs -------------------------------------------------


def of_quantiles(logits, problems=1, rounds=DEPTH):
  """Parts whose head says logits(rows) [N, 2], and rows that can be idle."""
  count = 12 * problems
  rows = {
    "node": jnp.zeros(count, jnp.int32),
    "idle": jnp.zeros(count, bool),
    "problem": jnp.arange(count) // 12,
  }

  def expand(rows, key):
    del key
    child = CHILDREN * rows["node"] + 1 + jnp.arange(count) % CHILDREN
    goes_on = ~rows["idle"] & (rows["node"] < LEAVES[0])
    node = jnp.where(goes_on, child, rows["node"])
    return {**rows, "node": node}, node >= LEAVES[0]

  return parts(
    rows,
    jnp.full(NODES, 0.5),
    problems=problems,
    rounds=rounds,
    expand=expand,
    outputs=logits,
    idle=lambda rows, mask: {**rows, "idle": mask},
  )


def test_adaptive_best_of_n_draws_as_many_as_its_quantile_asks_for():
  """A chance of 1/2 asks for 7 samples at 99 %, one of 9/10 for 2 (the paper's)."""
  said = jnp.array([[0.0, 9.0], [jnp.log(9.0), -9.0]])
  few = of_quantiles(lambda rows: said[rows["problem"]], problems=2)
  drawn = adaptive_best_of_n(few, KEY).finished.reshape(2, 12)
  assert drawn.sum(1).tolist() == [7, 2] and drawn[0, :7].all() and drawn[1, :2].all()


def test_adaptive_beams_are_ranked_by_the_median():
  """One leaf is enough, by its low quantile: the one of the highest median goes on."""
  medians = lambda rows: jnp.where(rows["node"] == 2, 1.0, 0.0)
  said = lambda rows: jnp.stack([jnp.full(12, 9.0), medians(rows)], axis=1)
  beams = adaptive_beam(of_quantiles(said, rounds=2), KEY, children=CHILDREN)
  assert beams.rows["node"].tolist() == [7, 8, 9] + [2] * 9
  assert beams.rows["idle"].tolist() == [False] * 3 + [True] * 9


# --- SRM ----------------------------------------------------------------------------


def survive(score, fresh, u=0.5):
  """Of two parents with two siblings each."""
  ones = jnp.ones(4)
  chosen = jax.jit(functools.partial(survivors, width=2))
  return chosen(jnp.array(score), ones, u * ones, jnp.array(fresh)).tolist()


def test_a_finished_row_is_its_parents_only_sibling():
  held = [True, True, False, False]
  # u p < r: 1 / 4 < 3 / 4, not 1 / 4 < 1 / 4; the row that has finished is the better.
  assert survive([0.6, 0.2, 0.9, 0.9], held) == [2, 2, 0, 0]
  assert survive([0.0, 0.0, 0.9, 0.9], held) == [2, 2, 2, 2], "nothing beside it"


def test_where_none_is_accepted_the_best_scores_go_on():
  assert survive([-2.0, -4.0, -1.0, -3.0], [True] * 4) == [2, 2, 0, 0]


# --- trees --------------------------------------------------------------------------


def of_game(game, rows=10):
  """Parts of the tree of `test_search_trees`; row i takes child i % 3."""
  terminal, p, prior = map(jnp.asarray, (game.terminal, game.value, game.prior))

  def expand(rows, key):
    del key
    node = 3 * rows["node"] + 1 + jnp.arange(rows["node"].shape[0]) % 3
    return {"node": node}, terminal[node]

  return parts(
    {"node": jnp.zeros(rows, jnp.int32)},
    p,
    expand=expand,
    likelihood=lambda rows: prior[rows["node"]],
    pack=lambda rows: rows,
    unpack=lambda packed: packed,
    length=lambda packed: jnp.ones_like(packed["node"]),
  )


def test_alphamath_answers_with_its_mean_values():
  """Values 2 p - 1; first what has ended, then what has not, by W / N, else by V."""
  game, iterations = Game(5), 4
  search = functools.partial(alphamath, iterations=iterations, children=3)
  beams = jax.jit(functools.partial(search, of_game(game)))(KEY)
  game.value = 2 * game.value - 1
  found = alphamath_reference.alphamath(game, iterations)
  number = lambda i, n, w: w / n if n else game.value[i]
  ranked = sorted(
    ((bool(game.terminal[i]), number(i, n, w), i) for i, n, w in found), reverse=True
  )[:10]
  assert {ended for ended, *_ in ranked} == {True, False}
  assert 0 in {n for i, n, _ in found if i in {i for *_, i in ranked}}
  assert beams.rows["node"].tolist() == [i for *_, i in ranked]
  np.testing.assert_allclose(beams.score, [x for _, x, _ in ranked], rtol=1e-5)


@jax.jit
def walked(values):
  made = dataclasses.replace(
    options.parts(values),
    outputs=lambda rows: jnp.zeros((rows["node"].shape[0], 1)),
    likelihood=lambda rows: jnp.ones(rows["node"].shape[0]),
    length=lambda packed: options.LONG * (packed["node"] > 0),
  )
  return hgs(made, KEY, children=3)


def steps_drawn(*of_depth):
  """By HGS, to a whole response, where the score of a step is known by its depth."""
  values = np.zeros(options.NODES, np.float32)
  for depth, score in enumerate(of_depth, start=1):
    values[options.FIRST[depth] :] = score
  beams = walked(jnp.asarray(values))
  assert beams.finished.tolist() == [True]
  assert int(beams.rows["node"][0]) >= options.FIRST[options.DEPTH]
  return int(beams.rows["drawn"][0]) / options.LONG


def test_hgs_enters_positive_steps_at_once_and_neutral_ones_after_all():
  """Below .3 a step is negative, from .7 on positive; three siblings at most."""
  assert steps_drawn(0.8, 0.7, 0.9) == 3
  assert steps_drawn(0.5, 0.8, 0.8) == 3 + 1 + 1
  assert steps_drawn(0.8, 0.3, 0.8) == 1 + 3 + 1


def test_hgs_goes_on_plainly_from_where_it_has_ended():
  """All first steps are bad: three samples, then a whole response from the question."""
  assert steps_drawn(0.2, 0.8, 0.8) == 3 + options.DEPTH
