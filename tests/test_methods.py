"""Laws that every method file obeys, and each method against its NumPy reference.

The files are found by looking in the folders: a method without a reference, a paper or
a config fails here.
"""

import importlib
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import catalogue, config, kl
from jaxrl.pick import call, names, needs, pick
from tests.batches import GROUP, poisoned, rollouts

KINDS = ("losses", "regularizers", "advantages", "reductions", "rewards", "selectors")
METHODS = [(kind, name) for kind in KINDS for name in names(kind)]
TERMS = [(kind, name) for kind, name in METHODS if kind in ("losses", "regularizers")]
POLICY_LOSSES = names("losses")  # all of them so far are policy gradients
REDUCTIONS = names("reductions")


def reference(kind, name):
  return getattr(importlib.import_module(f"tests.references.{kind}"), name)


def per_token(kind, name, outputs, batch, **hparams):
  return call(pick(kind, name, **hparams), outputs, batch)[0]


def summed(kind, name, outputs, batch, reduction="sequence_mean"):
  weights = call(pick("reductions", reduction), batch)
  return jnp.sum(weights * per_token(kind, name, outputs, batch))


def gradient(kind, name, outputs, batch, reduction="sequence_mean"):
  """Value, and gradient with respect to every field of the outputs."""

  def scalar(outputs):
    return summed(kind, name, outputs, batch, reduction)

  return jax.value_and_grad(scalar)(outputs)


# --- every file ---------------------------------------------------------------------


@pytest.mark.parametrize("kind, name", METHODS)
def test_has_reference_paper_and_config(kind, name):
  assert callable(reference(kind, name))
  assert catalogue.link(catalogue.docstring(f"jaxrl.{kind}.{name}")).startswith("http")
  users = [c for c in config.names() if name in config.to_json(config.load(c))]
  assert users, f"no config uses {kind}/{name}"


@pytest.mark.parametrize("kind, name", METHODS)
def test_jit_equals_no_jit(kind, name, strict_dtypes):
  batch, outputs = rollouts()
  method = pick(kind, name)
  eager = call(method, outputs, batch)
  jitted = jax.jit(lambda o, b: call(method, o, b))(outputs, batch)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), eager, jitted)


# --- terms of the loss --------------------------------------------------------------


@pytest.mark.parametrize("kind, name", TERMS)
@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf, -1e4])
def test_masked_tokens_change_nothing(kind, name, junk):
  batch, outputs = rollouts()
  value, grads = gradient(kind, name, outputs, batch)
  bad_batch = poisoned(batch, batch.mask, junk)
  bad_outputs = poisoned(outputs, batch.mask, junk)
  bad_value, bad_grads = gradient(kind, name, bad_outputs, bad_batch)
  np.testing.assert_allclose(value, bad_value, rtol=1e-6)
  np.testing.assert_allclose(grads.logp, bad_grads.logp, rtol=1e-6)
  assert np.all(np.asarray(grads.logp)[np.asarray(batch.mask) == 0] == 0)


@pytest.mark.parametrize("kind, name", TERMS)
def test_metrics_are_per_token_and_zero_where_masked(kind, name):
  batch, outputs = rollouts()
  bad = poisoned(outputs, batch.mask, np.nan)
  _, metrics = call(pick(kind, name), bad, poisoned(batch, batch.mask, np.nan))
  for value in metrics.values():
    assert value.shape == batch.mask.shape
    assert np.all(np.asarray(value)[np.asarray(batch.mask) == 0] == 0)


@pytest.mark.parametrize("kind, name", TERMS)
@pytest.mark.parametrize("shift", [200.0, -200.0])
@pytest.mark.parametrize("advantage", [1e6, -1e6])
def test_extremes_stay_finite(kind, name, shift, advantage):
  batch, outputs = rollouts()
  batch = batch.replace(
    advantages=jnp.full_like(batch.advantages, advantage),
    logp_ref=batch.logp_ref - shift,
  )
  outputs = outputs.replace(logp=batch.logp_old + shift)
  value, grads = gradient(kind, name, outputs, batch)
  assert np.isfinite(value) and np.all(np.isfinite(grads.logp))


@pytest.mark.parametrize("name", POLICY_LOSSES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_on_policy_gradient_is_reinforce(name, reduction):
  """At pi = pi_old the gradient is that of -A log pi, token by token."""
  batch, outputs = rollouts(off_policy=0.0)
  _, grads = gradient("losses", name, outputs, batch, reduction)
  weights = call(pick("reductions", reduction), batch)
  expected = np.where(batch.mask > 0, -weights * batch.advantages, 0.0)
  np.testing.assert_allclose(grads.logp, expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", POLICY_LOSSES)
def test_the_stop_token_trains(name):
  batch, outputs = rollouts(off_policy=0.0)
  _, grads = gradient("losses", name, outputs, batch)
  mask = np.asarray(batch.mask)
  rows = np.flatnonzero(mask.sum(-1))
  last = mask.shape[1] - 1 - np.argmax(mask[rows, ::-1], axis=1)
  assert np.all(np.asarray(grads.logp)[rows, last] != 0)


@pytest.mark.parametrize("kind, name", TERMS)
def test_term_matches_its_reference(kind, name):
  batch, outputs = rollouts()
  method = pick(kind, name)
  values = np.asarray(call(method, outputs, batch)[0])
  _, grads = gradient(kind, name, outputs, batch, "token_mean")
  weight = 1 / float(batch.mask.sum())
  arrays = [n for n in needs(method) if n != "mask"]
  for row in range(values.shape[0]):
    kept = np.flatnonzero(batch.mask[row])
    source = {n: getattr(outputs, n, getattr(batch, n, None)) for n in arrays}
    lists = [np.asarray(source[n])[row, kept].astype(float).tolist() for n in arrays]
    expected = reference(kind, name)(*lists)
    np.testing.assert_allclose(values[row, kept], expected, rtol=1e-5, atol=1e-6)
    # The gradient too, by central differences of the reference.
    for i, t in enumerate(kept):
      step = 1e-5
      around = []
      for sign in (1, -1):
        moved = [list(x) for x in lists]
        moved[0][i] += sign * step
        around.append(sum(reference(kind, name)(*moved)))
      slope = (around[0] - around[1]) / (2 * step) * weight
      np.testing.assert_allclose(grads.logp[row, t], slope, rtol=2e-4, atol=1e-7)


@pytest.mark.parametrize("low, high", [(0.1, 0.3), (0.3, 0.1)])
def test_ppo_clip_widths(low, high):
  batch, outputs = rollouts(off_policy=1.0)
  got = per_token("losses", "ppo_clip", outputs, batch, clip_low=low, clip_high=high)
  for row in range(batch.mask.shape[0]):
    kept = np.flatnonzero(batch.mask[row])
    lists = [
      np.asarray(x)[row, kept].tolist()
      for x in (outputs.logp, batch.logp_old, batch.advantages)
    ]
    expected = reference("losses", "ppo_clip")(*lists, clip_low=low, clip_high=high)
    np.testing.assert_allclose(np.asarray(got)[row, kept], expected, rtol=1e-5)


def test_clip_fraction_counts_tokens_without_gradient():
  batch, outputs = rollouts(off_policy=1.0)
  method = pick("losses", "ppo_clip")
  _, metrics = call(method, outputs, batch)
  _, grads = gradient("losses", "ppo_clip", outputs, batch)
  silent = (np.asarray(grads.logp) == 0) & (np.asarray(batch.mask) > 0)
  assert silent.any()
  np.testing.assert_array_equal(np.asarray(metrics["clip_fraction"]) > 0, silent)


def enumerated_gradient(term, logits, ref_logits):
  """Expected gradient of a term over all tokens of a vocabulary, exactly."""

  def per_sample(logits, token):
    logp = jax.nn.log_softmax(logits)[token]
    ref = jax.nn.log_softmax(ref_logits)[token]
    one = jnp.ones((1, 1))
    return jnp.sum(term(one * logp, one * ref, one))

  grads = jax.vmap(jax.grad(per_sample), (None, 0))(logits, jnp.arange(len(logits)))
  return jax.nn.softmax(logits) @ grads


def test_gradient_of_kl_k3_is_that_of_the_forward_kl():
  """As its docstring says: not zero, and the gradient of KL(ref || pi)."""
  logits = jnp.array([0.3, -1.0, 0.5, 2.0])
  ref_logits = jnp.array([1.0, 0.1, -0.4, 0.2])
  expected = jax.grad(
    lambda x: jnp.sum(
      jax.nn.softmax(ref_logits)
      * (jax.nn.log_softmax(ref_logits) - jax.nn.log_softmax(x))
    )
  )(logits)
  got = enumerated_gradient(lambda a, b, m: kl.k3(a, b, m), logits, ref_logits)
  assert np.abs(expected).max() > 0.1
  np.testing.assert_allclose(got, expected, atol=1e-6)


# --- advantages, rewards, selectors, reductions -------------------------------------


@pytest.mark.parametrize("name", names("advantages"))
@pytest.mark.parametrize("seed", range(4))
def test_advantage_matches_its_reference(name, seed):
  batch, _ = rollouts(seed)
  got = np.asarray(call(pick("advantages", name), batch))
  scored = np.asarray(batch.scored) > 0
  rewards = [
    float(r) if s else None for r, s in zip(batch.rewards, scored, strict=True)
  ]
  expected = reference("advantages", name)(rewards, batch.group.tolist())
  mask = np.asarray(batch.mask)
  np.testing.assert_allclose(got, mask * np.array(expected)[:, None], rtol=1e-5)


@pytest.mark.parametrize("name", names("advantages"))
def test_unscored_rows_are_as_if_never_drawn(name):
  batch, _ = rollouts()
  hidden = np.asarray(batch.scored) == 0
  other = batch.replace(rewards=jnp.where(hidden, jnp.nan, batch.rewards))
  method = pick("advantages", name)
  got, again = call(method, batch), call(method, other)
  np.testing.assert_array_equal(got, again)
  kept = np.flatnonzero(~hidden)
  without = jax.tree.map(lambda x: x[kept], batch)
  np.testing.assert_allclose(got[kept], call(method, without), rtol=1e-6)


@pytest.mark.parametrize("name", names("advantages"))
@pytest.mark.parametrize("scored", [0, 1])
def test_groups_of_none_and_of_one_get_nothing(name, scored):
  batch, _ = rollouts()
  one = (jnp.arange(len(batch.scored)) % GROUP < scored).astype(jnp.float32)
  got = call(pick("advantages", name), batch.replace(scored=one))
  np.testing.assert_array_equal(got, 0)


def test_group_norm_of_equal_rewards_is_exactly_zero():
  """Rounding of a mean must not be blown up by 1 / epsilon."""
  batch, _ = rollouts()
  for value in (0.1, 1 / 3, 1e6 + 0.1):
    flat = batch.replace(rewards=jnp.full_like(batch.rewards, value))
    np.testing.assert_array_equal(call(pick("advantages", "group_norm"), flat), 0)


@pytest.mark.parametrize("ddof, epsilon", [*itertools.product((0, 1), (1e-6, 0.1))])
def test_group_norm_hyper_parameters(ddof, epsilon):
  batch, _ = rollouts()
  got = call(pick("advantages", "group_norm", ddof=ddof, epsilon=epsilon), batch)
  rewards = [
    float(r) if s else None for r, s in zip(batch.rewards, batch.scored, strict=True)
  ]
  expected = reference("advantages", "group_norm")(
    rewards, batch.group.tolist(), ddof=ddof, epsilon=epsilon
  )
  np.testing.assert_allclose(got, batch.mask * np.array(expected)[:, None], rtol=1e-5)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction_matches_its_reference(name):
  batch, _ = rollouts()
  losses = np.random.default_rng(0).normal(size=batch.mask.shape).astype(np.float32)
  got = jnp.sum(call(pick("reductions", name), batch) * losses)
  expected = reference("reductions", name)(losses.tolist(), np.asarray(batch.mask))
  np.testing.assert_allclose(got, expected, rtol=1e-5)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction_of_nothing_is_zero(name):
  batch, _ = rollouts()
  empty = batch.replace(mask=jnp.zeros_like(batch.mask))
  np.testing.assert_array_equal(call(pick("reductions", name), empty), 0)


@pytest.mark.parametrize("name", names("rewards"))
def test_reward_matches_its_reference(name):
  batch, _ = rollouts()
  method = pick("rewards", name)
  lists = [np.asarray(getattr(batch, n)).tolist() for n in needs(method)]
  np.testing.assert_allclose(call(method, batch), reference("rewards", name)(*lists))
  weighted = call(pick("rewards", name, weight=0.5), batch)
  np.testing.assert_allclose(weighted, reference("rewards", name)(*lists, weight=0.5))


@pytest.mark.parametrize("name", names("selectors"))
def test_selector_matches_its_reference(name):
  batch, _ = rollouts()
  method = pick("selectors", name)
  lists = [np.asarray(getattr(batch, n)).tolist() for n in needs(method)]
  got = np.asarray(call(method, batch))
  np.testing.assert_allclose(got, reference("selectors", name)(*lists))
  assert np.all(got <= np.asarray(batch.mask))
