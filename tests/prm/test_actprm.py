"""ActPRM's pull of the heads towards where they began."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrl import loop, serve
from jaxrl.build import build
from jaxrl.config import EvaluationConfig
from jaxrl.errors import UserError
from jaxrl.optimizers.adamw_near_start import adamw_near_start, near_start
from jaxrl.pick import pick
from tests import tiny


def params():
  key = jax.random.key(0)
  head = {"kernel": jax.random.normal(key, (3, 2)), "bias": jnp.array([0.5, -1.0])}
  return {"policy": {"w": jnp.ones(4)}, "step_head": head}


def test_the_pull_is_the_gradient_of_the_term():
  first = params()
  rule = near_start(0.5)
  state = rule.init(first)
  moved = jax.tree.map(lambda x: x + 0.3 * jnp.arange(x.size).reshape(x.shape), first)
  zero = jax.tree.map(jnp.zeros_like, first)

  def term(now):
    gaps = [
      (a - b).ravel()
      for a, b in zip(
        jax.tree.leaves(now["step_head"]),
        jax.tree.leaves(first["step_head"]),
        strict=True,
      )
    ]
    return 0.5 * jnp.mean(jnp.concatenate(gaps) ** 2)

  got, state = rule.update(zero, state, moved)
  expected = jax.grad(term)(moved)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), got, expected)
  assert np.abs(got["step_head"]["kernel"]).max() > 0.01
  np.testing.assert_array_equal(got["policy"]["w"], 0)


def test_without_a_coefficient_or_a_head_it_is_adamw():
  for start in (params(), {"policy": params()["policy"]}):
    grads = jax.tree.map(lambda x: x + 1, start)
    coefficient = 0.0 if "step_head" in start else 0.5
    one = pick("optimizers", "adamw_near_start", coefficient=coefficient)(1e-2)
    other = pick("optimizers", "adamw")(1e-2)
    for rule in (one, other):
      now, state = start, rule.init(start)
      for _ in range(3):
        updates, state = rule.update(grads, state, now)
        now = optax.apply_updates(now, updates)
      made = now if rule is one else made
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), made, now)


def test_heads_come_back_where_nothing_else_pulls():
  start = params()
  rule = adamw_near_start(0.05, coefficient=100.0)
  state = rule.init(start)
  now = jax.tree.map(lambda x: x + 1, start)
  far = lambda now: float(
    jnp.abs(now["step_head"]["kernel"] - start["step_head"]["kernel"]).max()
  )
  for _ in range(60):
    updates, state = rule.update(jax.tree.map(jnp.zeros_like, now), state, now)
    now = optax.apply_updates(now, updates)
  assert far(now) < 0.1
  np.testing.assert_allclose(now["policy"]["w"], start["policy"]["w"] + 1)


def spreads(directory, apart):
  """How far heads differ at least, on some states, before and after three steps."""
  base = tiny.prm_config(
    directory,
    steps=3,
    evaluation=EvaluationConfig(problems=0),
    loss={"name": "prm/objectives/ensemble_bce", "outputs": 4, "delta_std": -1.0},
    readout={"name": "mean_of_heads"},
  )
  model = dataclasses.replace(base.model, step_heads_apart=apart, step_head_hidden=8)
  config = dataclasses.replace(base, model=model)
  run, first = build(config)
  loop.fit(config)
  _, params, _ = serve.trained(config, str(directory))
  states = jax.random.normal(jax.random.key(0), (5, 32))
  said = [
    run.policy.step_head.apply({"params": p["step_head"]}, states)
    for p in (first.params, params)
  ]
  assert said[0].shape == (5, 4)
  assert float(jnp.abs(said[1] - said[0]).max()) > 1e-4, "nothing was learnt"
  return [float(jnp.std(one, axis=1).min()) for one in said]


def test_heads_of_an_ensemble_differ_before_and_after_training(tmp_path):
  """Heads that share layers, or start at 0, are one head many times."""
  assert min(spreads(tmp_path / "apart", True)) > 1e-3
  assert max(spreads(tmp_path / "shared", False)) < 1e-6


def test_an_ensemble_without_width_is_refused(tmp_path):
  base = tiny.prm_config(tmp_path)
  with pytest.raises(UserError, match=r"needs model\.step_head_hidden"):
    dataclasses.replace(
      base, model=dataclasses.replace(base.model, step_heads_apart=True)
    )
