"""Numbers that papers state of their losses: goal-conditioned, inverse, of outcomes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.prm.objectives.goal_conditioned_rm import goal_conditioned_rm
from jaxrl.prm.objectives.inverse_prm import inverse_prm
from jaxrl.prm.objectives.outcome_of_log_odds import outcome_of_log_odds
from jaxrl.prm.objectives.outcome_of_mean import outcome_of_mean
from jaxrl.prm.objectives.step_bce import step_bce
from jaxrl.prm.objectives.step_classes import step_classes
from jaxrl.prm.objectives.uheads import uheads


def contrast(states, **hparams):
  """Of a right and a wrong response to one prompt, five tokens each."""
  noise = jnp.asarray(np.random.default_rng(0).uniform(size=(2, 5)), jnp.float32)
  score, group = jnp.asarray([1.0, 0.0]), jnp.zeros(2, jnp.int32)
  mask = jnp.ones((2, 5))
  loss, metrics = goal_conditioned_rm(
    jnp.asarray(states, jnp.float32), score, group, noise, mask, **hparams
  )
  np.testing.assert_allclose(metrics["goal_contrast"] * 0.5, loss, rtol=1e-6)
  return float(metrics["goal_contrast"][0, 0])


def test_states_that_are_all_alike_and_states_that_tell_apart():
  same = np.ones((2, 5, 3))
  assert contrast(same) == pytest.approx(1.6265, abs=1e-4)
  assert contrast(same, log_inside=True) == pytest.approx(1.6265, abs=1e-4)
  apart = same * np.asarray([1.0, -1.0])[:, None, None]
  assert contrast(apart) == pytest.approx(0.6265, abs=1e-4)
  assert contrast(7.0 * apart) == pytest.approx(0.6265, abs=1e-4)
  some = np.random.default_rng(1).normal(size=(2, 5, 3))
  assert 0.6265 < contrast(some) < 2.6265


def test_only_the_preferred_response_is_its_own_goal():
  """States of the rejected one count against those of the other alone."""
  states = np.random.default_rng(2).normal(size=(2, 5, 3))
  turned = states.copy()
  turned[1, [0, 4]] = turned[1, [4, 0]]
  assert contrast(turned) == pytest.approx(contrast(states), rel=1e-5)
  assert contrast(states, positions=2) != pytest.approx(contrast(states), rel=1e-3)


def test_the_end_of_a_trajectory_stands_alone():
  z = jnp.asarray([[0.3, -1.0, 2.0], [0.5, 0.0, 0.0]])
  mask = jnp.asarray([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
  score = jnp.asarray([1.0, 0.0])
  loss, _ = inverse_prm(z, score, mask, gamma=0.5)
  added = [0.3 + 0.5, -1.0 - 1.0, 2.0]
  np.testing.assert_allclose(loss[0], [np.log1p(np.exp(-d)) for d in added], rtol=1e-6)
  np.testing.assert_allclose(loss[1, 0], np.log1p(np.exp(0.5)), rtol=1e-6)
  # The gradient flows through the value of the next action as well.
  last = lambda z: inverse_prm(z, score, mask, gamma=0.5)[0][0, 0]
  slope = jax.grad(last)(z)[0]
  assert slope[1] == pytest.approx(-0.5 * slope[0]) and slope[0] < 0


def test_without_discount_it_is_a_classifier_of_who_acted():
  rng = np.random.default_rng(0)
  z = jnp.asarray(rng.normal(size=(2, 4)), jnp.float32)
  mask, score = jnp.ones((2, 4)), jnp.asarray([1.0, 0.0])
  labels = jnp.broadcast_to(score[:, None], mask.shape)
  one, _ = inverse_prm(z, score, mask, gamma=0.0)
  np.testing.assert_allclose(one, step_bce(z, labels, mask)[0], rtol=1e-6)


def test_outcomes_from_steps():
  z = jnp.asarray([[1.0, 3.0, 0.0]])
  mask = jnp.asarray([[1.0, 1.0, 0.0]])
  for outcome in (0.0, 1.0):
    loss, _ = outcome_of_log_odds(z, jnp.asarray([outcome]), mask)
    expected = (1 / (1 + np.exp(-2.0)) - outcome) ** 2
    np.testing.assert_allclose(loss, [[expected, expected, 0.0]], rtol=1e-6)
    # Of a wrong solution: how far the mean of P(wrong) is from 1.
    two = jnp.stack([jnp.zeros_like(z), z], axis=-1)
    loss, _ = outcome_of_mean(two, jnp.asarray([outcome]), mask)
    right = np.mean(1 / (1 + np.exp(-np.asarray([1.0, 3.0]))))
    expected = (right - 1) ** 2 if outcome else right**2
    np.testing.assert_allclose(loss, [[expected, expected, 0.0]], rtol=1e-6)


def test_errors_weigh_three_times():
  z, mask = jnp.asarray([[0.7, 0.7]]), jnp.ones((1, 2))
  labels = jnp.asarray([[1.0, 0.0]])
  plain, weighted = step_bce(z, labels, mask)[0], uheads(z, labels, mask)[0]
  np.testing.assert_allclose(weighted / plain, [[1.0, 3.0]], rtol=1e-6)


def test_classes_of_steps_by_their_labels():
  """Shares of negative, neutral and positive are 1/6, 1/3 and 1/2 at each step."""
  labels = jnp.asarray([[-1.0, 0.0, 1.0, -0.5, 0.5]])
  logits = jnp.broadcast_to(jnp.log(jnp.asarray([1.0, 2.0, 3.0])), (1, 5, 3))
  loss, metrics = step_classes(logits, labels, jnp.ones((1, 5)))
  np.testing.assert_allclose(loss, [np.log([6, 3, 2, 3, 3])], rtol=1e-6)
  np.testing.assert_array_equal(metrics["step_accuracy"], [[0, 0, 1, 0, 0]])
