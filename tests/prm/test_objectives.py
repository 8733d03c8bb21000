"""Objectives of process reward models: what losses obey, and references.

Every file of jaxrl/prm/objectives is found by looking; one without a reference in
tests/references/prm/objectives, a paper or a formula fails here.
"""

import dataclasses
import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl import catalogue, pick
from jaxrl.objective import Objective
from jaxrl.types import PolicyOutputs, Rollouts

KIND = "prm/objectives"
NAMES = pick.names(KIND)
OUTPUTS = ("logp", "step_logits", "step_outputs", "states")
# Groups: mixed, all right, all wrong, one row alone, mixed with an empty row.
GROUP = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 4, 4], np.int32)
SCORE = np.array([1, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0], float)
EMPTY, WIDTH = 11, 8


def reference(name):
  return importlib.import_module(f"tests.references.prm.objectives.{name}")


@functools.cache
def bound(name, **hparams):
  """(method, outputs of the head that it reads)."""
  default = pick.hyper_parameters(pick.load(KIND, name)).get("outputs", (int, 1))[1]
  return pick.pick(KIND, name, **hparams), hparams.get("outputs", default)


def filled(kind="soft", heads=3):
  """(batch, outputs); labels are "hard" or "soft", or "graded": scores are 0 to 4."""
  rng = np.random.default_rng(("hard", "soft", "graded").index(kind))
  rows, shape = len(GROUP), (len(GROUP), WIDTH)
  mask = (rng.uniform(size=shape) < 0.6).astype(float)
  mask[:, 0] = 0  # the prompt
  mask[:3, 2], mask[:3, 4] = 1, 1
  mask[3], mask[EMPTY] = 0, 0
  mask[3, 5] = 1  # a row of one place
  mask[[r for r in range(rows) if not mask[r].any() and r != EMPTY], 1] = 1
  labels = rng.uniform(size=shape)
  labels = np.round(labels) if kind == "hard" else labels
  labels[0] = 0.5 + labels[0] / 2 if kind == "soft" else 1.0  # a row all right
  labels[1] = labels[1] / 2 if kind == "soft" else 0.0  # and one all wrong
  score = rng.integers(0, 5, size=rows) if kind == "graded" else SCORE
  logp = -rng.exponential(size=shape)
  drift = np.where(GROUP % 2, 0.5, -0.5)[:, None]  # so that kappa is 0 in some
  batch = {
    "mask": mask,
    "score": score,
    "truncated": rng.integers(0, 2, size=rows),
    "scored": np.ones(rows),
    "logp_ref": logp + drift + rng.normal(size=shape),
    "noise": rng.uniform(size=shape),
    "step_labels": labels,
    "step_labelled": mask * (np.arange(WIDTH) % 2),
  }
  outputs = {
    "logp": logp,
    "step_logits": 1.5 * rng.normal(size=shape),
    "step_outputs": 1.5 * rng.normal(size=(*shape, heads)),
    "states": rng.normal(size=(*shape, 4)),
  }
  floats = lambda arrays: {k: jnp.asarray(x, jnp.float32) for k, x in arrays.items()}
  fields = dict.fromkeys(
    (f.name for f in dataclasses.fields(Rollouts) if f.name != "features"), None
  )
  fields |= floats(batch) | {"group": jnp.asarray(GROUP)}
  return Rollouts(**fields), PolicyOutputs(**floats(outputs))


@functools.cache
def reducing(reduction):
  rule = pick.pick("reductions", reduction)
  return jax.jit(lambda batch: pick.call(rule, batch))


def weights(batch, reduction):
  return reducing(reduction)(batch)


def gradient(method, outputs, batch, reduction="sequence_mean"):
  """Value, gradient for every field of the outputs, and (loss [B, T], metrics)."""
  (value, said), grads = compiled(method)(outputs, batch, weights(batch, reduction))
  return value, grads, said


@functools.cache
def jitted(method):
  """(loss [B, T], metrics), a program for each shape."""
  return jax.jit(lambda outputs, batch: pick.call(method, outputs, batch))


@functools.cache
def compiled(method):
  """One program for all reductions, and for what is said beside the gradient."""

  def scalar(outputs, batch, w):
    loss, metrics = pick.call(method, outputs, batch)
    return jnp.sum(w * loss), (loss, metrics)

  return jax.jit(jax.value_and_grad(scalar, has_aux=True))


def arrays(method, *structs):
  """The arrays that a method names, as float64; features from their references."""
  found = []
  for name in pick.needs(method):
    x = next((getattr(s, name) for s in structs if hasattr(s, name)), None)
    if x is None:
      feature = importlib.import_module(f"tests.references.features.{name}")
      inputs = arrays(pick.load("features", name), *structs)
      x = np.asarray(getattr(feature, name)(*inputs))
    found.append(np.asarray(x, int if x.dtype == np.int32 else float))
  return found


def poisoned(struct, mask, junk):
  """The struct with junk in masked entries, and in what is said of empty rows."""
  changes = {}
  for field in ("logp_ref", "noise", "step_labels", "score", *OUTPUTS):
    value = getattr(struct, field, None)
    if value is not None:
      on = mask.reshape(*mask.shape, *[1] * (value.ndim - 2))
      on = jnp.any(mask > 0, axis=1) if value.ndim == 1 else on > 0
      changes[field] = jnp.where(on, value, junk)
  return struct.replace(**changes)


# --- every file ---------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_has_reference_and_paper(name):
  module = reference(name)
  assert callable(getattr(module, name)) and module.REINFORCE is False
  text = catalogue.docstring(f"jaxrl.prm.objectives.{name}")
  assert catalogue.link(text.split("\n\n")[0]).startswith("https://arxiv.org/abs/")
  assert catalogue.formula(text), "no formula: lines indented by two spaces"


CASES = [(n, h) for n in NAMES for h in getattr(reference(n), "CASES", [{}])]


@pytest.mark.parametrize("kind", ["hard", "soft", "graded"])
@pytest.mark.parametrize("name, hparams", CASES)
def test_matches_its_reference(name, hparams, kind):
  method, heads = bound(name, **hparams)
  batch, outputs = filled(kind, heads)
  module, lists = reference(name), arrays(method, outputs, batch)
  of = lambda *lists: getattr(module, name)(*lists, **hparams)
  on = np.asarray(batch.mask) > 0
  got = np.asarray(gradient(method, outputs, batch)[2][0])
  assert np.all(got[~on] == 0)
  np.testing.assert_allclose(got, of(*lists), rtol=1e-5, atol=2e-6)
  needs = pick.needs(method)
  slopes = {
    output: differences(of, lists, needs.index(output), on)
    for output in OUTPUTS
    if output in needs and not hasattr(module, "gradient")
  }
  for reduction in ("sequence_mean", "token_mean"):
    w = np.asarray(weights(batch, reduction)).astype(float)
    expected = {key: np.tensordot(slope, w, axes=2) for key, slope in slopes.items()}
    if hasattr(module, "gradient"):
      expected = {"logp": module.gradient(w, *lists, **hparams)}
    _, grads, _ = gradient(method, outputs, batch, reduction)
    for output in OUTPUTS:
      # What the reference has no gradient for must have none.
      slope = expected.get(output, 0.0)
      np.testing.assert_allclose(getattr(grads, output), slope, rtol=2e-5, atol=1e-6)


def differences(of, lists, index, on):
  """Slope of every loss in every entry of lists[index], by central differences."""
  step, slopes = 1e-5, np.zeros(lists[index].shape + on.shape)
  for at in zip(*np.nonzero(on), strict=True):
    for tail in np.ndindex(lists[index].shape[2:]):
      around = []
      for sign in (1, -1):
        moved = [x.copy() for x in lists]
        moved[index][(*at, *tail)] += sign * step
        around.append(of(*moved))
      slopes[(*at, *tail)] = (around[0] - around[1]) / (2 * step)
  return slopes


@pytest.mark.parametrize("name", NAMES)
def test_jit_equals_no_jit(name, strict_dtypes):
  method, heads = bound(name)
  batch, outputs = filled(heads=heads)
  eager = pick.call(method, outputs, batch)
  compare = lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7)
  jax.tree.map(compare, eager, jitted(method)(outputs, batch))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf, -1e4])
def test_masked_entries_change_nothing(name, junk):
  method, heads = bound(name)
  batch, outputs = filled(heads=heads)
  bad = poisoned(outputs, batch.mask, junk), poisoned(batch, batch.mask, junk)
  value, grads, _ = gradient(method, outputs, batch)
  bad_value, bad_grads, (loss, metrics) = gradient(method, *bad)
  np.testing.assert_allclose(value, bad_value, rtol=1e-6)
  for output in OUTPUTS:
    got, expected = getattr(bad_grads, output), getattr(grads, output)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)
    assert np.all(np.asarray(got)[np.asarray(batch.mask) == 0] == 0)
  assert metrics
  for value in (loss, *metrics.values()):
    assert value.shape == batch.mask.shape and np.all(np.isfinite(value))
    assert np.all(np.asarray(value)[np.asarray(batch.mask) == 0] == 0)


@pytest.mark.parametrize("name", NAMES)
def test_extremes_and_nothing_are_finite(name):
  method, heads = bound(name)
  batch, outputs = filled("hard", heads)
  size = lambda x: jnp.where(x > jnp.median(x), 1e3, -1e3)
  for far in (size, lambda x: -size(x), lambda x: 0 * x + 1e3, lambda x: 0 * x):
    wide = PolicyOutputs(**{o: far(getattr(outputs, o)) for o in OUTPUTS})
    nothing = batch.replace(mask=jnp.zeros_like(batch.mask))
    for rows in (batch, batch.replace(noise=jnp.zeros_like(batch.mask)), nothing):
      value, grads, _ = gradient(method, wide, rows)
      assert np.isfinite(value) and (rows is not nothing or value == 0)
      assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(grads))


@pytest.mark.parametrize("name", NAMES)
def test_groups_can_be_in_different_micro_batches(name):
  """What looks across rows is made on the whole batch, as the train step does."""
  method, heads = bound(name)
  batch, outputs = filled("graded", heads)
  objective = Objective(method, pick.pick("reductions", "token_mean"))
  batch, _ = objective.prepare(batch, weights(batch, "token_mean"))
  whole, parts = jitted(method)(outputs, batch)[0], []
  # As many rows in both, so that one program does: an empty one is there twice.
  first = np.flatnonzero(GROUP < 2)
  for rows in (first, np.append(np.flatnonzero(GROUP >= 2), EMPTY)):
    assert len(rows) == len(first)
    part, made = jax.tree.map(lambda x, rows=rows: x[rows], (batch, outputs))
    part = part.replace(group=part.group - jnp.min(part.group))
    parts.append(jitted(method)(made, part)[0])
  parts[1] = parts[1][:-1]
  np.testing.assert_allclose(jnp.concatenate(parts), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_head_with_other_outputs_is_refused(name):
  method, heads = bound(name)
  if "step_outputs" in pick.needs(method):
    batch, outputs = filled(heads=heads + 1)
    with pytest.raises(ValueError, match=f"{name}.* {heads + 1}"):
      pick.call(method, outputs, batch)
