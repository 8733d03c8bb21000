"""Laws that every method file obeys, and each method against its NumPy reference.

The files are found by looking in the folders: a method without a reference, a paper or
a config fails here. See tests/references/__init__.py for what a reference has.
"""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import catalogue
from jaxrl.pick import call, names, needs, pick
from jaxrl.types import PolicyOutputs
from tests.batches import GROUP, poisoned, rollouts, several

TERM_STAGES = ("losses", "regularizers")
STAGES = (
  *TERM_STAGES,
  "advantages",
  "value_targets",
  "corrections",
  "features",
  "reductions",
  "rewards",
  "selectors",
)
METHODS = [(stage, name) for stage in STAGES for name in names(stage)]
# Those of a policy; what a step head says is tested in tests/prm.
OUTPUTS = tuple(
  name
  for name in PolicyOutputs.__dataclass_fields__
  if getattr(rollouts()[1], name) is not None
)


def reference(stage, name):
  """The module of a method's reference."""
  return importlib.import_module(f"tests.references.{stage}.{name}")


def reads_text(method):
  return needs(method) == ("problem", "response")


def array_methods(*stages):
  """(stage, name) of the methods that read arrays."""
  return [
    (stage, name)
    for stage, name in METHODS
    if stage in stages and not reads_text(pick(stage, name))
  ]


def cases(*stages):
  """(stage, name, hyper-parameters) under which references are compared."""
  return [
    (stage, name, hparams)
    for stage, name in array_methods(*stages)
    for hparams in getattr(reference(stage, name), "CASES", [{}])
  ]


TERMS = array_methods(*TERM_STAGES)
REINFORCE = [name for name in names("losses") if reference("losses", name).REINFORCE]
REDUCTIONS = names("reductions")
BATCHES = several()


@functools.cache
def compiled(stage, name):
  """The method with its defaults, compiled; all batches here have one shape."""
  method = pick(stage, name)
  return jax.jit(lambda outputs, batch: call(method, outputs, batch))


def term(method, outputs, batch):
  return call(method, outputs, batch)[0]


def gradient(method, outputs, batch, reduction="sequence_mean"):
  """Value, and gradient with respect to every field of the outputs."""
  weights = call(pick("reductions", reduction), batch)
  scalar = lambda outputs: jnp.sum(weights * term(method, outputs, batch))
  return jax.value_and_grad(scalar)(outputs)


def arrays(method, *structs):
  """The arrays that a method names, as float64."""
  found = []
  for name in needs(method):
    value = next((getattr(s, name) for s in structs if hasattr(s, name)), None)
    if value is None:  # a feature: from its reference
      feature = pick("features", name)
      value = getattr(reference("features", name), name)(*arrays(feature, *structs))
    value = np.asarray(value)
    found.append(value.astype(float) if value.dtype == np.float32 else value)
  return found


# --- every file ---------------------------------------------------------------------


@pytest.mark.parametrize("stage, name", METHODS)
def test_has_reference_and_paper(stage, name):
  assert callable(getattr(reference(stage, name), name))
  text = catalogue.docstring(f"jaxrl.{stage}.{name}")
  assert catalogue.link(text).startswith("http"), "no paper"
  assert catalogue.formula(text), "no formula: lines indented by two spaces"


@pytest.mark.parametrize("stage, name", array_methods(*STAGES))
def test_jit_equals_no_jit(stage, name, strict_dtypes):
  batch, outputs = rollouts()
  eager = call(pick(stage, name), outputs, batch)
  jitted = compiled(stage, name)(outputs, batch)
  compare = lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7)
  jax.tree.map(compare, eager, jitted)


@pytest.mark.parametrize("stage, name", array_methods(*STAGES))
def test_groups_of_any_size_and_empty_batches_are_finite(stage, name, strict_dtypes):
  method = compiled(stage, name)
  for what, (batch, outputs) in BATCHES.items():
    nothing = batch.replace(mask=jnp.zeros_like(batch.mask))
    for rows in (batch, nothing):
      for leaf in jax.tree.leaves(method(outputs, rows)):
        assert np.all(np.isfinite(leaf)), what


# --- terms of the loss --------------------------------------------------------------


@pytest.mark.parametrize("stage, name", TERMS)
@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf, -1e4])
def test_masked_tokens_change_nothing(stage, name, junk):
  batch, outputs = rollouts()
  method = pick(stage, name)
  value, grads = gradient(method, outputs, batch)
  bad_batch = poisoned(batch, batch.mask, junk)
  bad_outputs = poisoned(outputs, batch.mask, junk)
  bad_value, bad_grads = gradient(method, bad_outputs, bad_batch)
  np.testing.assert_allclose(value, bad_value, rtol=1e-6)
  off = np.asarray(batch.mask) == 0
  for output in OUTPUTS:
    got, expected = getattr(bad_grads, output), getattr(grads, output)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)
    assert np.all(np.asarray(expected)[off] == 0)


@pytest.mark.parametrize("stage, name", array_methods(*TERM_STAGES, "corrections"))
def test_metrics_are_per_token_and_zero_where_masked(stage, name):
  batch, outputs = rollouts()
  bad = poisoned(outputs, batch.mask, np.nan)
  _, metrics = call(pick(stage, name), bad, poisoned(batch, batch.mask, np.nan))
  assert metrics
  for value in metrics.values():
    assert value.shape == batch.mask.shape
    assert np.all(np.asarray(value)[np.asarray(batch.mask) == 0] == 0)


@pytest.mark.parametrize("stage, name", TERMS)
@pytest.mark.parametrize("shift", [200.0, -200.0])
@pytest.mark.parametrize("advantage", [1e6, -1e6])
def test_extremes_stay_finite(stage, name, shift, advantage):
  batch, outputs = rollouts()
  batch = batch.replace(
    advantages=jnp.full_like(batch.advantages, advantage),
    rewards=jnp.full_like(batch.rewards, advantage),
    returns=jnp.full_like(batch.returns, advantage),
    logp_ref=batch.logp_ref - shift,
    logp_sampling=batch.logp_old + shift,
  )
  outputs = outputs.replace(logp=batch.logp_old + shift)
  value, grads = gradient(pick(stage, name), outputs, batch)
  assert np.isfinite(value)
  assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(grads))


@pytest.mark.parametrize("name", REINFORCE)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_on_policy_gradient_is_reinforce(name, reduction):
  """At pi = pi_old the gradient is that of -A log pi, token by token."""
  batch, outputs = rollouts(off_policy=0.0)
  _, grads = gradient(pick("losses", name), outputs, batch, reduction)
  weights = call(pick("reductions", reduction), batch)
  expected = np.where(batch.mask > 0, -weights * batch.advantages, 0.0)
  np.testing.assert_allclose(grads.logp, expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", REINFORCE)
def test_the_stop_token_trains(name):
  batch, outputs = rollouts(off_policy=0.0)
  _, grads = gradient(pick("losses", name), outputs, batch)
  mask = np.asarray(batch.mask)
  rows = np.flatnonzero(mask.sum(-1))
  last = mask.shape[1] - 1 - np.argmax(mask[rows, ::-1], axis=1)
  assert np.all(np.asarray(grads.logp)[rows, last] != 0)


@pytest.mark.parametrize("kind", list(BATCHES))
@pytest.mark.parametrize("stage, name, hparams", cases(*TERM_STAGES))
def test_term_matches_its_reference(stage, name, hparams, kind):
  batch, outputs = BATCHES[kind]
  method, module = pick(stage, name, **hparams), reference(stage, name)
  lists = arrays(method, outputs, batch)
  on = np.asarray(batch.mask) > 0
  got = np.asarray(term(method, outputs, batch))
  expected = np.asarray(getattr(module, name)(*lists, **hparams))
  np.testing.assert_allclose(got[on], expected[on], rtol=1e-5, atol=2e-6)
  weights = np.asarray(call(pick("reductions", "token_mean"), batch)).astype(float)
  _, grads = gradient(method, outputs, batch, "token_mean")
  if hasattr(module, "gradient"):
    slopes = module.gradient(weights, *lists, **hparams)
    slopes = slopes if isinstance(slopes, dict) else {"logp": slopes}
  else:
    slopes = differences(method, module, weights, lists, hparams, on)
  for output in OUTPUTS:
    # What the reference has no gradient for must have none.
    slope = np.where(on, slopes.get(output, np.zeros(on.shape)), 0.0)
    np.testing.assert_allclose(getattr(grads, output), slope, rtol=1e-5, atol=1e-6)


def differences(method, module, weights, lists, hparams, on):
  """Central differences of the reference, for every output that it reads."""
  step, slopes = 1e-5, {}
  for index, output in enumerate(needs(method)):
    if output not in OUTPUTS:
      continue
    slope = np.zeros(on.shape)
    for at in zip(*np.nonzero(on), strict=True):
      around = []
      for sign in (1, -1):
        moved = [x.copy() for x in lists]
        moved[index][at] += sign * step
        value = np.asarray(
          getattr(module, module.__name__.split(".")[-1])(*moved, **hparams)
        )
        around.append(np.sum(np.where(on, weights * value, 0.0)))
      slope[at] = (around[0] - around[1]) / (2 * step)
    slopes[output] = slope
  return slopes


# --- what comes before the loss -----------------------------------------------------

WHOLE = (
  "advantages",
  "value_targets",
  "corrections",
  "features",
  "rewards",
  "selectors",
)


@pytest.mark.parametrize("kind", list(BATCHES))
@pytest.mark.parametrize("stage, name, hparams", cases(*WHOLE))
def test_method_matches_its_reference(stage, name, hparams, kind):
  batch, outputs = BATCHES[kind]
  method = pick(stage, name, **hparams)
  got = call(method, outputs, batch)
  got = np.asarray(got[0] if stage == "corrections" else got)
  expected = getattr(reference(stage, name), name)(
    *arrays(method, outputs, batch), **hparams
  )
  expected = np.asarray(expected)
  assert got.shape == expected.shape
  if got.shape == batch.mask.shape:
    off = np.asarray(batch.mask) == 0
    assert np.all(got[off] == 0), "not 0 where masked"
    expected = np.where(off, 0.0, expected)
  np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("stage, name", array_methods(*WHOLE))
@pytest.mark.parametrize("junk", [np.nan, np.inf])
def test_masked_tokens_count_for_nothing(stage, name, junk, strict_dtypes):
  batch, outputs = BATCHES["token_credit"]
  method = compiled(stage, name)
  bad = method(outputs, poisoned(batch, batch.mask, junk))
  compare = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6)
  jax.tree.map(compare, method(outputs, batch), bad)


@pytest.mark.parametrize("stage, name", array_methods("advantages"))
def test_unscored_rows_are_as_if_never_drawn(stage, name):
  batch, _ = rollouts()
  batch = batch.replace(mask=batch.mask * batch.scored[:, None])  # as `credit` does
  hidden = np.asarray(batch.scored) == 0
  other = batch.replace(rewards=jnp.where(hidden, jnp.nan, batch.rewards))
  method = pick(stage, name)
  got, again = call(method, batch), call(method, other)
  np.testing.assert_array_equal(got, again)
  kept = np.flatnonzero(~hidden)
  without = jax.tree.map(lambda x: x[kept], batch)
  alone = jax.jit(lambda rows: call(method, rows))(without)
  np.testing.assert_allclose(got[kept], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("stage, name, hparams", cases("reductions"))
@pytest.mark.parametrize("kind", list(BATCHES))
def test_reduction_matches_its_reference(stage, name, hparams, kind):
  batch, _ = BATCHES[kind]
  losses = np.random.default_rng(0).normal(size=batch.mask.shape).astype(np.float32)
  method = pick(stage, name, **hparams)
  got = jnp.sum(call(method, batch) * losses)
  lists = arrays(method, batch)
  expected = getattr(reference(stage, name), name)(losses, *lists, **hparams)
  np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction_of_nothing_is_zero(name):
  batch, _ = rollouts()
  empty = batch.replace(mask=jnp.zeros_like(batch.mask))
  np.testing.assert_array_equal(call(pick("reductions", name), empty), 0)


@pytest.mark.parametrize("stage, name", array_methods("selectors"))
def test_a_selector_adds_no_token(stage, name):
  for batch, outputs in BATCHES.values():
    got = np.asarray(call(pick(stage, name), outputs, batch))
    assert np.all(got <= np.asarray(batch.mask))


# --- single methods -----------------------------------------------------------------


def test_clip_fraction_counts_tokens_without_gradient():
  batch, outputs = rollouts(off_policy=1.0)
  method = pick("losses", "ppo_clip")
  _, metrics = call(method, outputs, batch)
  _, grads = gradient(method, outputs, batch)
  silent = (np.asarray(grads.logp) == 0) & (np.asarray(batch.mask) > 0)
  assert silent.any()
  np.testing.assert_array_equal(np.asarray(metrics["clip_fraction"]) > 0, silent)


def test_group_norm_of_equal_rewards_is_exactly_zero():
  """Rounding of a mean must not be blown up by 1 / epsilon."""
  batch, _ = rollouts()
  for value in (0.1, 1 / 3, 1e6 + 0.1):
    flat = batch.replace(rewards=jnp.full_like(batch.rewards, value))
    np.testing.assert_array_equal(call(pick("advantages", "group_norm"), flat), 0)


@pytest.mark.parametrize("scored", [0, 1])
def test_group_norm_gives_groups_of_none_and_of_one_nothing(scored):
  batch, _ = rollouts()
  one = (jnp.arange(len(batch.scored)) % GROUP < scored).astype(jnp.float32)
  got = call(pick("advantages", "group_norm"), batch.replace(scored=one))
  np.testing.assert_array_equal(got, 0)
