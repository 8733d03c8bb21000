"""One optimiser step: splitting and sharding change nothing; bad updates skip."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxrl import prompts
from jaxrl.errors import UserError
from jaxrl.models.decoder import Decoder, init_params
from jaxrl.objective import Objective
from jaxrl.pick import pick
from jaxrl.policy import Policy, copy
from jaxrl.train_step import init_state, make_optimizer, make_train_step
from tests import tiny
from tests.batches import rollouts

POLICY = Policy(
  decoder=Decoder(tiny.DECODER),
  lora=False,
  temperature=1.0,
  response_width=7,
  responses_per_row=1,
  logit_chunk_tokens=16,
)
RATE = 0.1

forward = jax.jit(POLICY.forward, static_argnums=3)


@functools.cache
def batch():
  """Rows of one tiny model, whose old log-probs are off by some noise."""
  rows, _ = rollouts()
  params = {"policy": init_params(tiny.DECODER, jax.random.key(0))}
  logp = forward(params, {}, rows, ()).logp
  noise = jnp.asarray(np.random.default_rng(0).normal(size=logp.shape), jnp.float32)
  return params, rows.replace(logp_old=logp + 0.1 * noise, logp_ref=logp - 0.1 * noise)


@functools.cache
def objective(loss="ppo_clip", reduction="token_mean", regularizers=("kl_k3",)):
  return Objective(
    loss=pick("losses", loss),
    reduction=pick("reductions", reduction),
    regularizers=tuple(pick("regularizers", name) for name in regularizers),
  )


@functools.cache
def plain_step():
  """A step on the whole batch in one part: what the others are held against."""
  return step(*batch())


def step(params, rows, *, parts=None, **options):
  optimizer, fn = compiled(parts or objective(), **options)
  return fn(init_state(params, optimizer, parts or objective()), {}, rows)


@functools.cache
def compiled(parts, micro_batches=1, max_grad_norm=0.0):
  optimizer = make_optimizer(optax.sgd(RATE), max_grad_norm=max_grad_norm)
  fn = make_train_step(POLICY.forward, parts, optimizer, micro_batches=micro_batches)
  return optimizer, jax.jit(fn)


def assert_same(a, b, atol=1e-6):
  jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=atol, rtol=0), a, b)


@pytest.mark.parametrize("micro_batches", [2, 8])
def test_micro_batches_change_nothing(micro_batches):
  """Of a real model; tests/test_laws.py has every method."""
  params, rows = batch()
  one, metrics = plain_step()
  many, more = step(params, rows, micro_batches=micro_batches)
  moved = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), one.params, params)
  assert max(jax.tree.leaves(moved)) > 1e-3
  assert_same(one.params, many.params)
  assert_same(metrics, more, atol=1e-5)


def test_sharing_prompts_changes_nothing():
  params, rows = batch()
  one, metrics = plain_step()
  policy = dataclasses.replace(POLICY, responses_per_row=4)
  optimizer = make_optimizer(optax.sgd(RATE), max_grad_norm=0.0)
  fn = make_train_step(policy.forward, objective(), optimizer, micro_batches=2)
  shared, more = jax.jit(fn)(init_state(params, optimizer, objective()), {}, rows)
  assert_same(one.params, shared.params)
  assert_same(metrics, more, atol=1e-5)


def test_eight_devices_give_the_same_numbers():
  params, rows = batch()
  mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
  sharded = jax.device_put(rows, NamedSharding(mesh, P("data")))
  one, _ = plain_step()
  eight, _ = step(params, sharded)
  assert_same(one.params, eight.params)


def test_each_of_eight_devices_does_an_eighth_of_the_work():
  """Laying rows out for the model does not gather them."""
  params, rows = batch()
  config = dataclasses.replace(tiny.DECODER, row_layout=False)
  policy = dataclasses.replace(POLICY, decoder=Decoder(config))
  optimizer = make_optimizer(optax.sgd(RATE), max_grad_norm=0.0)
  fn = jax.jit(make_train_step(policy.forward, objective(), optimizer))
  state = init_state(params, optimizer, objective())
  mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
  sharded = jax.device_put(rows, NamedSharding(mesh, P("data")))
  work = [
    fn.lower(state, {}, x).compile().cost_analysis()["flops"] for x in (rows, sharded)
  ]
  assert work[1] < 0.25 * work[0]


def test_padding_rows_and_columns_change_nothing():
  params, rows = batch()
  wide = prompts.widen(rows, rows.tokens.shape[1] + 3)
  more = jax.tree.map(lambda x: jnp.concatenate([x, x[:2]]), wide)
  more = more.replace(mask=more.mask.at[-2:].set(0.0))
  assert_same(plain_step()[0].params, step(params, more)[0].params)


def test_metrics_are_those_of_the_whole_batch():
  params, rows = batch()
  _, metrics = step(params, rows, micro_batches=8)
  outputs = forward(params, {}, rows, ())
  total, per_token = objective().per_token(outputs, rows, {})
  weights = rows.mask / rows.mask.sum()
  np.testing.assert_allclose(metrics["loss"], jnp.sum(total * weights), rtol=1e-5)
  kl = jnp.sum(per_token["kl_k3"] * weights)
  np.testing.assert_allclose(metrics["kl_k3"], kl, rtol=1e-5)
  gap = jnp.max(jnp.abs(outputs.logp - rows.logp_old) * rows.mask)
  np.testing.assert_allclose(metrics["sampler_gap"], gap, rtol=1e-4)


def test_an_update_that_is_not_finite_is_skipped_and_counted():
  params, rows = batch()
  bad = rows.replace(advantages=rows.advantages.at[0].set(jnp.nan))
  state, metrics = step(params, bad)
  assert_same(state.params, params, atol=0)
  assert int(metrics["skipped_updates"]) == 1 and int(state.step) == 1
  _, metrics = plain_step()
  assert int(metrics["skipped_updates"]) == 0


def test_gradients_are_clipped_by_their_global_norm():
  params, rows = batch()
  _, metrics = plain_step()
  norm = float(metrics["grad_norm"])
  state, again = step(params, rows, max_grad_norm=norm / 10)
  np.testing.assert_allclose(again["grad_norm"], norm, rtol=1e-5)  # before clipping
  moved = optax.tree.norm(jax.tree.map(jnp.subtract, state.params, params))
  np.testing.assert_allclose(moved, RATE * norm / 10, rtol=1e-4)


def test_one_compilation_serves_all_steps_and_the_state_is_donated():
  params, rows = batch()
  optimizer = make_optimizer(optax.adamw(RATE), max_grad_norm=1.0)
  traced = []

  def forward(*args):
    traced.append(1)
    return POLICY.forward(*args)

  fn = jax.jit(make_train_step(forward, objective(), optimizer), donate_argnums=0)
  state = init_state(copy(params), optimizer, objective())
  before = jax.tree.leaves(state.params)
  state, _ = fn(state, {}, rows)
  for _ in range(2):
    state, _ = fn(state, {}, rows)
  # Of all jitted functions of a process jax keeps the latest: it may be gone by then.
  assert len(traced) == 1 and fn._cache_size() <= 1
  assert all(leaf.is_deleted() for leaf in before)


def test_only_adapters_train_under_lora():
  from jaxrl.models.lora import init_lora

  config = dataclasses.replace(tiny.DECODER, lora_scale=2.0)
  policy = dataclasses.replace(POLICY, decoder=Decoder(config), lora=True)
  params, rows = batch()
  base = params["policy"]
  adapters = init_lora(base, jax.random.key(1), rank=2, targets=("layers/.*kernel",))
  adapters = {"policy": adapters}
  optimizer = make_optimizer(optax.sgd(RATE), max_grad_norm=0.0)
  fn = make_train_step(policy.forward, objective(), optimizer)
  state, metrics = jax.jit(fn)(init_state(adapters, optimizer, objective()), base, rows)
  # b starts at 0, so the policy starts as the base: the same loss as without adapters.
  np.testing.assert_allclose(metrics["loss"], plain_step()[1]["loss"], rtol=1e-5)
  moved = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), state.params, adapters)
  assert max(jax.tree.leaves(moved)) > 0


def test_a_controller_sets_the_next_steps_coefficient():
  params, rows = batch()
  controller = pick(
    "controllers", "adaptive_kl", initial=0.5, target=1e-6, rows=10000
  )()
  parts = Objective(
    loss=pick("losses", "ppo_clip"),
    reduction=pick("reductions", "token_mean"),
    regularizers=(pick("regularizers", "kl"),),
    controllers=(controller,),
  )
  state, metrics = step(params, rows, parts=parts)
  np.testing.assert_allclose(metrics["kl_coefficient"], 0.5)
  loss = metrics["policy_loss"] + 0.5 * metrics["kl"]
  np.testing.assert_allclose(metrics["loss"], loss, rtol=1e-5)
  # Far over the target: up by a fifth.
  np.testing.assert_allclose(state.coefficients["kl"]["acts"], 0.6, rtol=1e-6)
  _, metrics = compiled(parts)[1](state, {}, rows)
  np.testing.assert_allclose(metrics["kl_coefficient"], 0.6, rtol=1e-6)
  loss = metrics["policy_loss"] + 0.6 * metrics["kl"]
  np.testing.assert_allclose(metrics["loss"], loss, rtol=1e-5)


def test_a_controller_of_nothing_is_refused():
  with pytest.raises(UserError, match="did you mean 'kl'"):
    Objective(
      loss=pick("losses", "ppo_clip"),
      reduction=pick("reductions", "token_mean"),
      regularizers=(pick("regularizers", "kl"),),
      controllers=(pick("controllers", "adaptive_kl", of="kll")(),),
    )


def test_the_critic_learns_by_itself():
  """Its gradient does not reach the policy, nor the policy's the critic."""
  params, rows = batch()
  head = {"kernel": jnp.full((32, 1), 0.1), "bias": jnp.zeros((1,))}
  params = params | {"critic": {"trunk": params["policy"], "head": head}}
  rows = rows.replace(values_old=jnp.zeros_like(rows.mask))
  both = dataclasses.replace(objective(), value_loss=pick("losses", "value_clip"))
  alone, _ = plain_step()  # which reads no old values
  together, metrics = step(params, rows, parts=both)
  assert_same(alone.params["policy"], together.params["policy"])
  moved = jax.tree.map(
    lambda a, b: float(jnp.abs(a - b).max()),
    together.params["critic"],
    params["critic"],
  )
  assert min(moved["head"]["kernel"], moved["trunk"]["norm"]["scale"]) > 0
  assert float(metrics["value_loss"]) > 0
