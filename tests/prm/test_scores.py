"""Scores of a response from those of its steps: laws, and references."""

import importlib
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import catalogue
from jaxrl.pick import names, needs, pick
from jaxrl.prm.checklist import checklist_score

RULES = names("prm/scores")
OF_PROBABILITIES = ("product", "geometric_mean", "sum_log_odds", "mean_log_odds")


def reference(name):
  module = importlib.import_module(f"tests.references.prm.scores.{name}")
  return getattr(module, name), getattr(module, "CASES", [{}])


PAIRS = [(name, hparams) for name in RULES for hparams in reference(name)[1]]


def rows(seed=0, size=12, width=7, low=0.0, high=1.0):
  """(scores, mask): rows with gaps, an empty one, a single step, exact 0 and 1."""
  rng = np.random.default_rng(seed)
  scores = rng.uniform(low, high, size=(size, width)).astype(np.float32)
  mask = (rng.random((size, width)) < 0.6).astype(np.float32)
  mask[0] = 0
  mask[1] = 0
  mask[1, 3] = 1
  mask[2:4] = 1
  scores[2, 1], scores[3, 2] = max(low, 0.0), 1.0
  return jnp.asarray(scores), jnp.asarray(mask)


def value(name, scores, mask, **hparams):
  return np.asarray(pick("prm/scores", name, **hparams)(scores, mask))


# --- every rule ---------------------------------------------------------------------


@pytest.mark.parametrize("name", RULES)
def test_has_paper_and_formula(name):
  text = catalogue.docstring(f"jaxrl.prm.scores.{name}")
  assert catalogue.link(text).startswith("https://arxiv.org/abs/")
  assert catalogue.formula(text)
  assert needs(pick("prm/scores", name)) == ("step_scores", "mask")


@pytest.mark.parametrize("name, hparams", PAIRS)
@pytest.mark.parametrize("low, high", [(0.0, 1.0), (-1.0, 1.0), (2.0, 5.0)])
def test_score_matches_its_reference(name, hparams, low, high):
  for seed in range(5):
    scores, mask = rows(seed, low=low, high=high)
    expected = reference(name)[0](
      np.asarray(scores, np.float64), np.asarray(mask), **hparams
    )
    got = value(name, scores, mask, **hparams)
    assert got.shape == (len(mask),) and got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf, 1e30])
def test_masked_scores_change_neither_value_nor_gradient(name, junk):
  scores, mask = rows()
  bad = jnp.where(mask > 0, scores, junk)
  of = lambda x: jnp.sum(pick("prm/scores", name)(x, mask))
  np.testing.assert_array_equal(value(name, scores, mask), value(name, bad, mask))
  grads = np.asarray(jax.grad(of)(bad))
  np.testing.assert_array_equal(grads, jax.grad(of)(scores))
  assert np.all(grads[np.asarray(mask) == 0] == 0)


@pytest.mark.parametrize("name", RULES)
def test_jit_equals_no_jit(name, strict_dtypes):
  scores, mask = rows()
  rule = pick("prm/scores", name)
  np.testing.assert_allclose(
    jax.jit(rule)(scores, mask), rule(scores, mask), rtol=2e-6, atol=1e-7
  )


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("extreme", [0.0, 1.0, 1e-30, -1.0])
def test_extremes_stay_finite(name, extreme):
  mask = rows()[1]
  scores = jnp.full(mask.shape, extreme)
  of = lambda x: jnp.sum(pick("prm/scores", name)(x, mask))
  got, grads = jax.value_and_grad(of)(scores)
  assert np.isfinite(got) and np.all(np.isfinite(grads))


@pytest.mark.parametrize("name", RULES)
def test_a_row_without_a_step_has_0(name):
  scores, mask = rows()
  assert value(name, scores, mask)[0] == 0
  empty = value(name, jnp.full_like(scores, jnp.nan), jnp.zeros_like(mask))
  np.testing.assert_array_equal(empty, 0)


@pytest.mark.parametrize("name", RULES)
def test_a_gradient_is_that_of_the_value(name):
  """Central differences of the reference, away from ties and from 0 and 1."""
  scores, mask = rows(3)
  scores = 0.05 + 0.9 * scores
  exact, _ = reference(name)
  got = jax.grad(lambda x: jnp.sum(pick("prm/scores", name)(x, mask)))(scores)
  points, on = np.asarray(scores, np.float64), np.asarray(mask)
  for at in zip(*np.nonzero(on), strict=True):
    around = []
    for sign in (1, -1):
      moved = points.copy()
      moved[at] += sign * 1e-6
      around.append(sum_of(exact(moved, on)))
    slope = (around[0] - around[1]) / 2e-6
    np.testing.assert_allclose(got[at], slope, rtol=2e-4, atol=2e-4)


def sum_of(values):
  return float(np.sum(np.asarray(values, np.float64)))


# --- properties of the papers -------------------------------------------------------


def test_order_of_the_four():
  """Pan et al.: prod <= min <= avg <= max on [0, 1]."""
  for seed in range(20):
    scores, mask = rows(seed)
    order = [value(n, scores, mask) for n in ("product", "minimum", "mean", "maximum")]
    for lower, upper in itertools.pairwise(order):
      assert np.all(lower <= upper + 1e-6)
    between = value("geometric_mean", scores, mask)
    assert np.all(order[1] <= between + 1e-6) and np.all(between <= order[2] + 1e-6)


def appended(scores, more):
  """The row with further steps, and its mask."""
  row = jnp.asarray([[*scores, *more]], jnp.float32)
  return row, jnp.ones_like(row)


def test_a_further_step_below_1():
  """The product falls strictly, the minimum never rises."""
  for step in (0.05, 0.5, 0.99):
    before, after = appended([0.9, 0.6], []), appended([0.9, 0.6], [step])
    assert value("product", *after) < value("product", *before)
    assert value("minimum", *after) <= value("minimum", *before)


def test_repeating_a_good_step_pays_in_the_sum_alone():
  """PURE's reason for the minimum form."""
  before, after = appended([0.1, 0.95], []), appended([0.1, 0.95], [0.95] * 8)
  assert abs(value("soft_min", *after) - value("soft_min", *before)) < 0.01
  assert value("sum", *after) > value("sum", *before) + 7


def test_soft_min_lies_between_minimum_and_mean():
  scores, mask = rows(4, low=-1.0)
  cold = value("soft_min", scores, mask, temperature=1e-3)
  np.testing.assert_allclose(cold, value("minimum", scores, mask), atol=2e-3)
  hot = value("soft_min", scores, mask, temperature=1e4)
  np.testing.assert_allclose(hot, value("mean", scores, mask), atol=1e-3)


def test_numeric_hyper_parameters_may_be_traced():
  """A sweep over numbers compiles once."""
  scores, mask = rows()
  for name, key in (("soft_min", "temperature"), ("sum_log_odds", "epsilon")):
    swept = jax.vmap(
      lambda v, n=name, k=key: pick("prm/scores", n, **{k: v})(scores, mask)
    )
    got = swept(jnp.asarray([0.05, 0.2]))
    np.testing.assert_allclose(
      got[1], value(name, scores, mask, **{key: 0.2}), rtol=1e-5
    )


# --- checklists ---------------------------------------------------------------------


def test_checklist():
  """Web-Shepherd's check, whose triples are (yes, no, in progress)."""
  items = np.array([[0.6, 0.2, 0.2], [0.1, 0.2, 0.7]])
  assert checklist_score(items) == pytest.approx(0.45)
  assert checklist_score(2 * items) == pytest.approx(0.45)
  # An item whose verdict was not found counts for nothing.
  unread = np.concatenate([items, np.zeros((1, 3)), np.full((1, 3), np.nan)])
  assert checklist_score(unread) == pytest.approx(0.45)
  assert checklist_score(np.zeros((2, 3))) == checklist_score(np.zeros((0, 3))) == 0
  # The text form: 2 yes, 1 in progress, 1 no.
  words = np.eye(3)[[0, 0, 1, 2]]
  assert checklist_score(words) == pytest.approx(2.5 / 4)
