"""Objectives of process reward models: the examples and properties of their papers."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import pick
from jaxrl.prm.objectives.bradley_terry import bradley_terry
from jaxrl.prm.objectives.bradley_terry_margin import bradley_terry_margin
from jaxrl.prm.objectives.bradley_terry_scaled import bradley_terry_scaled
from jaxrl.prm.objectives.ensemble_bce import ensemble_bce
from jaxrl.prm.objectives.freeprm import freeprm
from jaxrl.prm.objectives.implicit_ce import implicit_ce
from jaxrl.prm.objectives.outcome_classes import outcome_classes
from jaxrl.prm.objectives.outcome_regression import outcome_regression
from jaxrl.prm.objectives.pqm import pqm
from jaxrl.prm.objectives.quantile import quantile
from jaxrl.prm.objectives.step_and_trajectory import step_and_trajectory
from jaxrl.prm.objectives.step_bce import step_bce
from jaxrl.prm.objectives.step_ce import step_ce
from jaxrl.prm.objectives.step_mse import step_mse
from tests.prm.test_objectives import (
  EMPTY,
  GROUP,
  NAMES,
  WIDTH,
  arrays,
  bound,
  filled,
  gradient,
  reference,
  weights,
)

# --- of steps -----------------------------------------------------------------------


def test_the_least_loss_is_at_the_label():
  labels = jnp.array([[0.1, 0.5, 0.8]])
  at = jnp.log(labels / (1 - labels))
  ones = jnp.ones_like(labels)
  for objective in (step_bce, step_mse):
    total = lambda z, objective=objective: jnp.sum(objective(z, labels, ones)[0])
    np.testing.assert_allclose(jax.grad(total)(at), 0, atol=1e-6)
    assert total(at) < total(at + 0.1) and total(at) < total(at - 0.1)


def test_two_classes_are_one_logit():
  batch, outputs = filled(heads=2)
  two = step_ce(outputs.step_outputs, batch.step_labels, batch.mask)
  gap = outputs.step_outputs[..., 1] - outputs.step_outputs[..., 0]
  one = step_bce(gap, batch.step_labels, batch.mask)
  compare = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
  jax.tree.map(compare, two, one)


def test_pqm_pushes_wrong_steps_down_and_the_last_right_one_up():
  batch, outputs = filled("hard")
  slope = jax.grad(
    lambda z: jnp.sum(
      weights(batch, "sequence_mean") * pqm(z, batch.step_labels, batch.mask)[0]
    )
  )(outputs.step_logits)
  on, right = np.asarray(batch.mask) > 0, np.asarray(batch.step_labels) > 0.5
  assert np.all(np.asarray(slope)[on & ~right] > 0)
  for i in range(len(on)):
    steps = np.flatnonzero(on[i] & right[i])
    if len(steps):
      assert slope[i, steps[-1]] < 0


def test_pqm_of_rows_that_are_all_wrong_or_all_right():
  values, ones = jnp.array([[0.3, -1.0]]), jnp.ones((1, 2))
  loss, _ = pqm(values, 0 * ones, ones)
  below = math.exp(4.3) + math.exp(3.0)
  # Two steps, one term: twice, so that the mean over the steps is the term.
  np.testing.assert_allclose(loss, [[2 * math.log(1 + below), 0]], rtol=1e-6)
  loss, _ = pqm(values, ones, ones)
  first, second = math.exp(0.3), math.exp(-1.0)
  expected = [math.log((1 + first) / first), math.log((1 + first + second) / second)]
  np.testing.assert_allclose(loss, [expected], rtol=1e-6)


def test_quantile_example():
  logits = jnp.array([[[0.0, math.log(3), 1e3]]])
  loss, _ = quantile(logits, jnp.array([[0.75]]), jnp.ones((1, 1)))
  np.testing.assert_allclose(loss, [[1 / 60]], atol=1e-7)
  _, metrics = quantile(logits, jnp.array([[0.7]]), jnp.ones((1, 1)))
  np.testing.assert_allclose(metrics["below"], [[2 / 3]], atol=1e-6)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_quantile_is_least_at_the_quantile(level):
  labels = jnp.asarray(np.random.default_rng(0).beta(2, 3, size=(1, 999)), jnp.float32)
  ones = jnp.ones_like(labels)
  tried = np.linspace(0.01, 0.99, 99)
  at = lambda s: jnp.full((1, 999, 1), math.log(s / (1 - s)))
  of = lambda s: quantile(at(s), labels, ones, outputs=1, levels=(level,))[0].mean()
  best = tried[np.argmin([of(s) for s in tried])]
  assert abs(np.mean(np.asarray(labels) < best) - level) < 0.02


@pytest.mark.parametrize(
  "delta_p, delta_std, kept", [(0.9, -1.0, True), (0.5, 1.0, False)]
)
def test_ensemble_keeps_all_rows_or_none(delta_p, delta_std, kept):
  batch, outputs = filled("hard", heads=4)
  method, _ = bound("ensemble_bce", outputs=4, delta_p=delta_p, delta_std=delta_std)
  value, grads, *_ = gradient(method, outputs, batch)
  heads = [
    gradient(
      bound("step_bce")[0],
      outputs.replace(step_logits=outputs.step_outputs[..., m]),
      batch,
    )[0]
    for m in range(4)
  ]
  np.testing.assert_allclose(value, np.mean(heads) if kept else 0, rtol=1e-5)
  assert np.any(grads.step_outputs != 0) == kept


def test_ensemble_looks_as_far_as_the_first_step_in_doubt():
  surely = jnp.array([[9.0, -9.0, 0.0], [9.0, 0.0, -9.0], [9.0, 9.0, 9.0]])
  ones = jnp.ones_like(surely)
  heads = jnp.repeat(surely[:, :, None], 2, axis=2)
  _, metrics = ensemble_bce(heads, ones, ones, outputs=2)
  np.testing.assert_array_equal(metrics["trusted"][:, 0], [1, 0, 1])
  apart = heads.at[:, 0, 1].set(5.0)  # a disagreement at the first step
  _, metrics = ensemble_bce(apart, ones, ones, outputs=2, delta_std=1e-3)
  np.testing.assert_array_equal(metrics["trusted"], 0)


def test_step_and_trajectory_is_the_papers_mean():
  logits = jnp.array([[0.2, -0.4, 1.0], [9.0, 9.0, 0.7]])
  labels = jnp.array([[1.0, 0.5, 0.25], [9.0, 9.0, 0.0]])
  mask = jnp.array([[1.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
  error = (1 / (1 + np.exp(-np.asarray(logits))) - np.asarray(labels)) ** 2
  loss, _ = step_and_trajectory(
    logits, labels, mask, step_weight=0.3, trajectory_weight=2.0
  )
  got = jnp.sum(loss, axis=1) / jnp.sum(mask, axis=1)
  expected = [0.3 * error[0, :2].mean() + 2 * error[0, 2], 2 * error[1, 2]]
  np.testing.assert_allclose(got, expected, rtol=1e-5)


# --- of outcomes --------------------------------------------------------------------


def free(logits, right, u):
  """FreePRM's loss of one step."""
  ones = jnp.ones((1, 1))
  return freeprm(logits[None, None], right * ones, u * ones, ones)[0][0, 0]


def test_freeprm_with_the_factor_at_its_ends():
  logits, buffer = jnp.array([0.3, -0.8, 0.5]), jnp.array([-40.0, -40.0, 40.0])
  value, slope = jax.value_and_grad(free)(buffer, 1.0, 1.0)
  np.testing.assert_allclose([value, *slope], 0, atol=1e-6)
  log_probs = jax.nn.log_softmax(logits)
  np.testing.assert_allclose(free(logits, 1.0, 0.0), -log_probs[0], rtol=1e-6)
  np.testing.assert_allclose(free(logits, 0.0, 0.0), -log_probs[1], rtol=1e-6)
  slope = jax.grad(free)(logits, 1.0, 0.0)
  np.testing.assert_allclose(slope, jnp.exp(log_probs) - jnp.eye(3)[0], atol=1e-6)
  assert free(buffer, 1.0, 0.5) > 0.5
  swapped = free(logits[jnp.array([1, 0, 2])], 0.0, 0.4)
  np.testing.assert_allclose(swapped, free(logits, 1.0, 0.4), rtol=1e-6)


def test_freeprm_costs_a_buffer_one_nat_on_average():
  u = (np.arange(1000) + 0.5) / 1000
  u = jnp.asarray(u[None], jnp.float32)
  logits = jnp.broadcast_to(jnp.array([-40.0, -40.0, 40.0]), (1, 1000, 3))
  loss, _ = freeprm(logits, jnp.ones_like(u), u, jnp.ones_like(u))
  np.testing.assert_allclose(jnp.mean(loss), 1.0, atol=1e-3)


def test_outcome_classes_are_incorrect_correct_incomplete():
  score, truncated = jnp.array([0.0, 1.0, 1.0]), jnp.array([0.0, 0.0, 1.0])
  logits = 50 * jnp.eye(3)[:, None, :]
  loss, metrics = outcome_classes(logits, score, truncated, jnp.ones((3, 1)))
  np.testing.assert_allclose(loss, 0, atol=1e-6)
  np.testing.assert_array_equal(metrics["outcome_accuracy"], 1)


@pytest.mark.parametrize("m, margin", [(1, 1.3133), (2, 2.1269), (3, 3.0486)])
def test_comparisons_with_a_strength(m, margin):
  score, group = jnp.array([0.0, m]), jnp.zeros(2, jnp.int32)
  ones = jnp.ones((2, 1))
  of = lambda loss, d: loss(jnp.array([[0.0], [d]]), score, group, ones)[0][0, 0]
  np.testing.assert_allclose(of(bradley_terry, 0.0), 0.6931, atol=1e-4)
  np.testing.assert_allclose(of(bradley_terry_scaled, 0.0), 0.6931 * m, atol=2e-4)
  np.testing.assert_allclose(of(bradley_terry_margin, 0.0), margin, atol=1e-4)
  at_margin = of(bradley_terry_margin, float(m))
  np.testing.assert_allclose(at_margin, math.log(2), rtol=1e-6)
  slope = lambda loss: jax.grad(lambda d: of(loss, d))(0.7)
  scaled = slope(bradley_terry_scaled)
  np.testing.assert_allclose(scaled, m * slope(bradley_terry), rtol=1e-6)


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("bradley")])
def test_comparisons_read_the_last_place(name):
  batch, outputs = filled("graded")
  _, grads, *_ = gradient(bound(name)[0], outputs, batch)
  last = WIDTH - 1 - np.argmax(np.asarray(batch.mask)[:, ::-1], axis=1)
  used = np.asarray(grads.step_logits) != 0
  assert used.any() and not used[EMPTY].any()
  assert set(zip(*np.nonzero(used), strict=True)) <= set(enumerate(last))


def test_outcome_regression_is_least_at_the_score():
  values, ones = jnp.array([[7.0, 3.0]]), jnp.ones((1, 2))
  of = lambda z: outcome_regression(z, jnp.array([3.0]), ones)[0].sum()
  np.testing.assert_array_equal(jax.grad(of)(values), 0)


@pytest.mark.parametrize("name", ["implicit_dpo", "implicit_nca", "bradley_terry"])
def test_pairs_weigh_as_the_docstring_says(name):
  """`prompt_mean` and a selector: the mean over groups with pairs of their pairs."""
  batch, outputs = filled("hard")
  batch = batch.replace(
    mask=pick.call(pick.pick("selectors", "informative_groups"), batch)
  )
  method, _ = bound(name)
  lists = arrays(method, outputs, batch)
  of_token = getattr(reference(name), name)(*lists)
  mixed = [of_token[g == GROUP].max() for g in (0, 4)]
  value, *_ = gradient(method, outputs, batch, "prompt_mean")
  np.testing.assert_allclose(value, np.mean(mixed), rtol=1e-5)


# --- implicit -----------------------------------------------------------------------


@pytest.mark.parametrize(
  "name, right, wrong, alone",
  [
    ("implicit_ce", math.log(2), math.log(2), math.log(2)),
    ("implicit_kto", 0.5, 0.5, 0.5),
    ("implicit_dpo", math.log(2), math.log(2), 0.0),
    ("implicit_nca", 2 * math.log(2), 2 * math.log(2), 0.0),
  ],
)
def test_implicit_losses_at_the_reference(name, right, wrong, alone):
  batch, outputs = filled("hard")
  same = outputs.replace(logp=batch.logp_ref)
  loss, _ = pick.call(bound(name)[0], same, batch)
  row = np.asarray(loss).max(axis=1)
  np.testing.assert_allclose(row[[0, 1, 9]], [right, wrong, alone], rtol=1e-6)


def test_implicit_rewards_are_soft_values_of_the_reference():
  """q_t = beta log E_ref exp(r / beta), by enumeration: 2 tokens of 3 symbols."""
  rng, beta = np.random.default_rng(0), 0.3
  first, first_ref = np.log(rng.dirichlet(np.ones(3), size=2))
  second, second_ref = np.log(rng.dirichlet(np.ones(3), size=(2, 3)))
  answers = list(itertools.product(range(3), repeat=2))
  logp = jnp.array([[first[a], second[a, b]] for a, b in answers], jnp.float32)
  ref = jnp.array([[first_ref[a], second_ref[a, b]] for a, b in answers], jnp.float32)

  def reward(*mask):
    mask = jnp.broadcast_to(jnp.array(mask), logp.shape)
    _, metrics = implicit_ce(logp, ref, jnp.ones(9), mask, beta=beta)
    total = jnp.sum(metrics["implicit_reward"], axis=1)
    return np.asarray(total / jnp.sum(mask, axis=1))

  whole, prefix = reward(1.0, 1.0), reward(1.0, 0.0)
  np.testing.assert_allclose(prefix + reward(0.0, 1.0), whole, atol=1e-6)
  for a in range(3):
    of = [i for i, answer in enumerate(answers) if answer[0] == a]
    soft = lambda r, of=of, a=a: (
      beta * np.log(np.sum(np.exp(second_ref[a]) * np.exp(r[of] / beta)))
    )
    np.testing.assert_allclose(prefix[of], soft(whole), atol=1e-5)
    # A mean over the tokens in place of the sum has no such identity.
    assert abs(soft(whole / 2) - prefix[of[0]] / 2) > 1e-3
