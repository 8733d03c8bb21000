"""How outputs become scores: each readout against its reference, and the laws."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import catalogue
from jaxrl.pick import call, names, needs, pick
from jaxrl.types import PolicyOutputs
from tests.batches import poisoned, rollouts

NAMES = names("prm/readouts")


def reference(name):
  return importlib.import_module(f"tests.references.prm.readouts.{name}")


def outputs():
  """(batch, outputs) with three numbers a token."""
  batch, made = rollouts()
  rng = np.random.default_rng(5)
  shape = batch.mask.shape
  logits = jnp.asarray(rng.normal(scale=3, size=shape), jnp.float32)
  several = jnp.asarray(rng.normal(scale=3, size=(*shape, 3)), jnp.float32)
  return batch, made.replace(step_logits=logits, step_outputs=several)


@pytest.mark.parametrize("name", NAMES)
def test_has_reference_paper_and_formula(name):
  text = catalogue.docstring(f"jaxrl.prm.readouts.{name}")
  assert callable(getattr(reference(name), name))
  assert catalogue.link(text).startswith("http") and catalogue.formula(text)


@pytest.mark.parametrize("name", NAMES)
def test_readout_matches_its_reference(name, strict_dtypes):
  batch, made = outputs()
  for hparams in getattr(reference(name), "CASES", [{}]):
    method = pick("prm/readouts", name, **hparams)
    got = jax.jit(lambda o, b, method=method: call(method, o, b))(made, batch)
    arrays = [
      np.asarray(getattr(made, n, None) if hasattr(made, n) else getattr(batch, n))
      for n in needs(method)
    ]
    arrays = [np.asarray(x, float) for x in arrays]
    expected = getattr(reference(name), name)(*arrays, **hparams)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    assert np.all((np.asarray(got) >= 0) & (np.asarray(got) <= 1))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("junk", [np.nan, np.inf])
def test_masked_tokens_change_nothing(name, junk):
  batch, made = outputs()
  method = pick("prm/readouts", name)
  bad = poisoned(made, batch.mask, junk)
  off = np.asarray(batch.mask)[..., None] == 0
  several = jnp.where(off, junk, made.step_outputs)
  bad = bad.replace(step_outputs=several)
  got = call(method, bad, poisoned(batch, batch.mask, junk))
  np.testing.assert_allclose(got, call(method, made, batch), rtol=1e-6)
  assert np.all(np.asarray(got)[np.asarray(batch.mask) == 0] == 0)


def test_a_good_class_has_to_count():
  batch, made = outputs()
  with pytest.raises(ValueError, match="good 2 is not among"):
    call(pick("prm/readouts", "class_share", good=2), made, batch)


def test_what_every_step_is_called_before_training():
  """Of a new head, whose outputs are 0."""
  batch, _ = rollouts()
  zeros = jnp.zeros(batch.mask.shape)
  made = PolicyOutputs(step_logits=zeros, step_outputs=jnp.zeros((*zeros.shape, 3)))
  for name in set(NAMES) - {"implicit"}:
    got = np.asarray(call(pick("prm/readouts", name), made, batch))
    np.testing.assert_allclose(got[np.asarray(batch.mask) > 0], 0.5)
