"""Strategies of flat searches against loops over scalars, and known numbers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.search import loop, resampling
from jaxrl.search.resampling import systematic_at
from jaxrl.search.state import Beams
from jaxrl.search.strategies import entropic_particle_filter as epf
from jaxrl.search.strategies import value_guided_blocks
from jaxrl.search.strategies.beam import beam
from jaxrl.search.strategies.diverse_beam import diverse_beam
from jaxrl.search.strategies.lookahead_particle_filter import modulated
from jaxrl.search.strategies.particle_filter import particle_filter
from tests.references.search import resampling as resampling_reference
from tests.references.search.strategies import beam as beam_reference
from tests.references.search.strategies import diverse_beam as diverse_reference
from tests.references.search.strategies import entropic_particle_filter as epf_reference
from tests.references.search.strategies import particle_filter as particle_reference
from tests.references.search.strategies import value_guided_blocks as blocks_reference

KEY = jax.random.key(0)
N = 12


def state(seed, width=1, held=0.0, n=N, rounds=10, round=3):
  """Beams with random scores; a share of the groups had finished before."""
  draw = np.random.default_rng(seed)
  score = draw.choice(np.linspace(0.05, 0.95, 8), n).astype(np.float32)
  steps = np.full(n, round, np.int32)
  for group in range(n // width):
    if draw.random() < held:
      rows = slice(group * width, (group + 1) * width)
      steps[rows] = draw.integers(1, round)
      score[rows] = score[rows][0]  # copies of one row
  beams = Beams(
    rows=jnp.arange(n),
    score=jnp.asarray(score),
    scores=jnp.zeros((n, rounds)),
    log_weight=jnp.zeros(n),
    steps=jnp.asarray(steps),
    finished=jnp.asarray(steps < round),
    round=jnp.int32(round),
    key=KEY,
  )
  return beams.replace(log_weight=loop.logit(beams))


def plain(*arrays):
  return [np.asarray(array).tolist() for array in arrays]


# --- strategies ---------------------------------------------------------------------


@pytest.mark.parametrize("held", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
  ("select", "expected", "case"),
  [(beam, beam_reference.beam, case) for case in beam_reference.CASES]
  + [
    (
      value_guided_blocks.value_guided_blocks,
      blocks_reference.value_guided_blocks,
      case,
    )
    for case in blocks_reference.CASES
  ],
)
def test_beams_against_reference(select, expected, case, held):
  chosen = jax.jit(functools.partial(select, **case))
  for seed in range(8):
    beams = state(seed, held=held, **case)
    parents = chosen(beams, KEY)
    assert parents.tolist() == expected(
      *plain(beams.score, beams.steps), int(beams.round), **case
    )
    np.testing.assert_array_equal(parents, select(beams, KEY, **case))  # without jit


@pytest.mark.parametrize("case", diverse_reference.CASES)
def test_diverse_beam_against_reference(case):
  for seed in range(8):
    beams = state(seed)
    parents = diverse_beam(beams, KEY, **case)
    assert parents.tolist() == diverse_reference.diverse_beam(
      *plain(beams.score), **case
    )


def test_finished_rows_change_nothing_for_the_others():
  """VGS: the unfinished survivors are those of a search without finished beams."""
  for seed in range(4):
    beams = state(seed, width=2, held=0.5)
    live = np.flatnonzero(np.asarray(beams.fresh))
    if not len(live):
      continue
    alone = jax.tree.map(lambda x, live=live: x[live] if x.ndim else x, beams)
    kept = value_guided_blocks.kept(beams, width=2)
    kept = {int(i) for i in kept if beams.fresh[i]}
    assert kept == {int(live[i]) for i in value_guided_blocks.kept(alone, width=2)}


def test_a_row_that_has_just_finished_competes():
  """VGS: only one that had finished before the round has a place of its own."""
  just = jnp.arange(N) < 2
  beams = state(0, width=2)
  worst = beams.replace(finished=just, score=jnp.where(just, 0.0, beams.score))
  assert not {0, 1} & set(value_guided_blocks.kept(worst, width=2).tolist())
  before = worst.replace(steps=jnp.where(just, 1, worst.steps))
  assert value_guided_blocks.kept(before, width=2)[0] == 0


def test_a_constant_value_keeps_one_child_of_each_beam():
  beams = state(0, width=3).replace(score=jnp.full(N, 0.5))
  assert value_guided_blocks.kept(beams, width=3).tolist() == [0, 3, 6, 9]


def test_one_good_finished_row_does_not_become_all_beams():
  beams = state(0, width=2)
  first = jnp.arange(N) < 2
  beams = beams.replace(
    steps=jnp.where(first, 1, beams.steps), score=jnp.where(first, 2.0, beams.score)
  )
  parents = beam(beams, KEY, width=2).tolist()
  assert parents.count(0) == 2 and 1 not in parents


def test_groups_must_be_whole():
  for select in (beam, value_guided_blocks.value_guided_blocks):
    with pytest.raises(ValueError, match="groups of 5"):
      select(state(0), KEY, width=5)
  with pytest.raises(ValueError, match="sub-trees"):
    diverse_beam(state(0), KEY, trees=5)


# --- particles ----------------------------------------------------------------------


@pytest.mark.parametrize("case", resampling_reference.CASES)
def test_systematic_against_reference(case):
  draw = np.random.default_rng(0)
  for n in (1, 4, 12):
    for p in draw.dirichlet(np.ones(n), 6).astype(np.float32):
      parents = jax.jit(systematic_at)(case["u"], jnp.asarray(p))
      assert parents.tolist() == resampling_reference.systematic(p, **case)


@pytest.mark.parametrize("n", [1, 3, 4, 7, 10, 64])
@pytest.mark.parametrize("u", [0.0, 1e-8, 0.3, 0.5, 1 - 2**-24])
def test_equal_weights_return_every_particle_once(n, u):
  p = jax.nn.softmax(jnp.full(n, 0.7))
  assert systematic_at(jnp.float32(u), p).tolist() == list(range(n))


def test_particles_are_drawn_by_their_odds():
  beams = state(1, n=4)
  expected = particle_reference.particle_filter(*plain(beams.score))
  p = jax.nn.softmax(beams.log_weight)
  np.testing.assert_allclose(p, expected, rtol=1e-4)
  for resample in ("multinomial", "systematic"):
    draw = functools.partial(particle_filter, beams, resample=resample)
    parents = jax.vmap(draw)(jax.random.split(KEY, 4000))
    shares = np.bincount(np.ravel(parents), minlength=4) / parents.size
    np.testing.assert_allclose(shares, expected, atol=0.02)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_certain_scores_have_finite_weights(score):
  beams = state(1).replace(score=jnp.full(N, score))
  assert np.isfinite(loop.logit(beams)).all()


@pytest.mark.parametrize("case", epf_reference.CASES)
def test_temperatures_against_reference(case):
  draw = np.random.default_rng(0)
  for n in (1, 2, 8):
    for scale in (0.0, 0.5, 3.0, 30.0):
      log_weight = (scale * draw.normal(size=n)).astype(np.float32)
      for progress in (0.1, 0.4, 0.6, 1.0):
        both = (jnp.asarray(log_weight), progress)
        expected = epf_reference.ess_temperature(log_weight.tolist(), progress, **case)
        np.testing.assert_allclose(
          epf.ess_temperature(*both, **case), expected, rtol=1e-4
        )
        if not case:
          for name in ("entropy_temperature", "base_temperature"):
            expected = getattr(epf_reference, name)(log_weight.tolist(), progress)
            found = getattr(epf, name)(*both)
            np.testing.assert_allclose(found, expected, rtol=1e-3, err_msg=name)


def particles(score, round=1):
  beams = state(0, n=len(score), round=round)
  beams = beams.replace(score=jnp.asarray(score, jnp.float32))
  return beams.replace(log_weight=loop.logit(beams))


def test_entropic_particle_filter_known_numbers(monkeypatch):
  beams = particles([0.99, 0.5, 0.5, 0.5])
  p = jax.nn.softmax(beams.log_weight)
  np.testing.assert_allclose(p[0], 0.970588, rtol=1e-5)
  np.testing.assert_allclose(1 / jnp.sum(p**2) / 4, 0.265300, rtol=1e-4)
  temperature = epf.ess_temperature(beams.log_weight, 1 / 10)
  np.testing.assert_allclose(temperature, 3.392387, rtol=1e-4)
  weights = []
  keep = lambda key, log_p: weights.append(log_p) or jnp.arange(4)
  monkeypatch.setitem(resampling.RULES, "systematic", keep)
  epf.entropic_particle_filter(beams, KEY)  # what it hands to the resampling
  np.testing.assert_allclose(
    jax.nn.softmax(weights[0]), [0.563635, 0.145455, 0.145455, 0.145455], rtol=1e-4
  )
  p = jax.nn.softmax(particles([0.9, 0.5, 0.5, 0.5]).log_weight)
  np.testing.assert_allclose(1 / jnp.sum(p**2) / 4, 0.428571, rtol=1e-4)


def test_tempering_raises_the_effective_share():
  for seed in range(20):
    weight = state(seed, n=8).log_weight
    share = lambda x: 1 / float(jnp.sum(jax.nn.softmax(x) ** 2)) / 8
    for rule in (
      epf.ess_temperature,
      epf.entropy_temperature,
      epf.base_temperature,
    ):
      assert share(weight / rule(weight, 0.1)) >= share(weight) - 1e-6


def test_equal_scores_leave_every_particle():
  beams = particles([0.3] * 8)
  assert epf.ess_temperature(beams.log_weight, 0.1) == 1
  for seed in range(5):
    parents = epf.entropic_particle_filter(beams, jax.random.key(seed))
    assert parents.tolist() == list(range(8))


def test_look_ahead_is_divided_out():
  log_weight = modulated(jnp.array([0.6, 0.2]), jnp.array([0.3, 0.4]))
  np.testing.assert_allclose(jnp.exp(log_weight), [2.0, 0.5], rtol=1e-5)


def test_the_answer_is_a_finished_row():
  beams = state(0).replace(score=jnp.arange(N) / N, finished=jnp.arange(N) == 2)
  assert int(loop.best(beams)) == 2
  assert int(loop.best(beams.replace(finished=jnp.zeros(N, bool)))) == N - 1
