"""Weights of rows: each rule against its reference, and what the papers say of them."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import catalogue, pick
from jaxrl.prm.bilevel import init_weights
from jaxrl.types import PolicyOutputs, RowWeights
from tests.batches import rollouts

KIND = "prm/reweighting"
NAMES = pick.names(KIND)


def reference(name):
  return importlib.import_module(f"tests.references.prm.reweighting.{name}")


def filled(heads=2):
  """(what is learnt, outputs, batch)."""
  rng = np.random.default_rng(3)
  batch, _ = rollouts()
  rows, shape = batch.mask.shape[0], batch.mask.shape
  of_net = {"below": (2, 10), "bias": (10,), "last": (10,), "offset": ()}
  learnt = RowWeights(
    domain_weights=jnp.asarray(rng.normal(size=5), jnp.float32),
    instance_weights=jnp.asarray(rng.uniform(-2, 4, size=30), jnp.float32),
    weight_net={
      key: jnp.asarray(2 * rng.normal(size=s), jnp.float32) for key, s in of_net.items()
    },
  )
  batch = batch.replace(
    domain=jnp.asarray(rng.integers(0, 5, size=rows)),
    instance=jnp.asarray(rng.integers(0, 30, size=rows)),
  )
  several = jnp.asarray(2 * rng.normal(size=(*shape, heads)), jnp.float32)
  return learnt, PolicyOutputs(step_outputs=several), batch


@pytest.mark.parametrize("name", NAMES)
def test_has_reference_paper_and_formula(name):
  text = catalogue.docstring(f"jaxrl.prm.reweighting.{name}")
  assert callable(getattr(reference(name), name))
  assert catalogue.link(text.split("\n\n")[0]).startswith("https://arxiv.org/abs/")
  assert catalogue.formula(text)


@pytest.mark.parametrize("name", NAMES)
def test_matches_its_reference(name):
  structs = filled()
  for hparams in reference(name).CASES:
    rule = pick.pick(KIND, name, **hparams)
    got = jax.jit(lambda *s, rule=rule: pick.call(rule, *s))(*structs)
    arrays = [
      next(getattr(s, n) for s in structs if hasattr(s, n)) for n in pick.needs(rule)
    ]
    expected = getattr(reference(name), name)(
      *jax.tree.map(np.asarray, arrays), **hparams
    )
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    assert got.shape == structs[2].score.shape and np.ptp(got) > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_masked_tokens_change_nothing(name):
  learnt, outputs, batch = filled()
  off = np.asarray(batch.mask)[..., None] == 0
  bad = outputs.replace(step_outputs=jnp.where(off, jnp.nan, outputs.step_outputs))
  rule = pick.pick(KIND, name)
  np.testing.assert_array_equal(
    pick.call(rule, learnt, bad, batch), pick.call(rule, learnt, outputs, batch)
  )


def test_domain_weights_have_a_mean_of_one_whatever_is_learnt():
  rule = pick.load(KIND, "dreamprm")
  for u in ([0.0, 0.0, 0.0], [-3.0, 0.5, 9.0], [40.0, -40.0, 1.0]):
    weights = rule(jnp.asarray(u), jnp.arange(3))
    np.testing.assert_allclose(np.sum(weights), 3.0, rtol=1e-6)
    assert np.all(np.asarray(weights) >= 0)
  np.testing.assert_array_equal(rule(jnp.zeros(7), jnp.arange(7)), 1.0)


def test_at_a_bound_only_the_way_back_has_a_gradient():
  rule = pick.load(KIND, "dreamprm_1_5_table")
  u = jnp.asarray([3.0, 3.5, 1.0, -1.0, -2.0])
  weights, pull = jax.vjp(lambda u: rule(u, jnp.arange(5)), u)
  np.testing.assert_array_equal(weights, [3.0, 3.0, 1.0, -1.0, -1.0])
  # Descent moves against the gradient.
  np.testing.assert_array_equal(pull(jnp.full(5, -1.0))[0], [0, 0, -1, -1, -1])
  np.testing.assert_array_equal(pull(jnp.full(5, 1.0))[0], [1, 1, 1, 0, 0])


def test_before_the_first_step_every_row_counts_the_same():
  _, outputs, batch = filled()
  for name in ("dreamprm", "dreamprm_1_5_table"):
    rule = pick.pick(KIND, name)
    learnt = RowWeights(**init_weights(rule, jax.random.key(0), 5, 30))
    np.testing.assert_array_equal(pick.call(rule, learnt, outputs, batch), 1.0)


def test_the_net_is_as_wide_as_asked_and_reads_two_outputs():
  rule = pick.pick(KIND, "dreamprm_1_5_net", hidden=4)
  made = init_weights(rule, jax.random.key(0), 5, 30)
  assert set(made) == {"weight_net"} and made["weight_net"]["below"].shape == (2, 4)
  _, outputs, batch = filled()
  got = pick.call(rule, RowWeights(**made), outputs, batch)
  assert np.all((np.asarray(got) > 0) & (np.asarray(got) < 1))
  with pytest.raises(ValueError, match="hidden is 10"):
    pick.call(pick.pick(KIND, "dreamprm_1_5_net"), RowWeights(**made), outputs, batch)
  _, three, batch = filled(heads=3)
  with pytest.raises(ValueError, match="head has 3"):
    pick.call(rule, RowWeights(**made), three, batch)
