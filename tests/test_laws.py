"""How a batch is cut and laid out changes no gradient, whatever the objective.

Every loss, regularizer, correction and reduction runs in the real train step, over a
policy small enough that all of them compile in seconds: tables of a few tokens. The
regularizers are one sum: what a law finds of one it finds of that.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxrl import prompts
from jaxrl.objective import Objective
from jaxrl.packing import pack
from jaxrl.pick import names, needs, pick
from jaxrl.train_step import init_state, make_optimizer, make_train_step
from jaxrl.types import PolicyOutputs
from tests.batches import GROUP, rollouts

ROWS, VOCAB = 16, 9
PARTS = [
  (stage, name)
  for stage in ("losses", "corrections", "reductions")
  for name in names(stage)
] + [("regularizers", "all")]


def forward(params, frozen, batch, needs):
  """A bigram table as policy; tables by token as critic and as log Z."""
  before = jnp.roll(batch.tokens, 1, axis=1)
  logits = jax.nn.log_softmax(params["policy"][before])
  logp = jnp.take_along_axis(logits, batch.tokens[..., None], axis=-1)[..., 0]
  p = jnp.exp(logits)
  prompt = params["partition"][batch.tokens[:, 0]]
  outputs = {
    "logp": logp,
    "entropy": -jnp.sum(p * logits, axis=-1),
    "collision": jnp.sum(p**2, axis=-1),
    "values": params["critic"][before],
    "log_partition": jnp.broadcast_to(prompt[:, None], logp.shape),
  }
  kept = {name: outputs[name] for name in {"logp", *needs}}
  return PolicyOutputs(**jax.tree.map(lambda x: x * batch.mask, kept))


def params():
  keys = jax.random.split(jax.random.key(0), 3)
  return {
    "policy": jax.random.normal(keys[0], (VOCAB, VOCAB)),
    "critic": jax.random.normal(keys[1], (VOCAB,)),
    "partition": jax.random.normal(keys[2], (VOCAB,)),
  }


def batch():
  """Rows whose old log-probs are near the policy's, as they are in training."""
  rows, _ = rollouts(rows=ROWS)
  rows = rows.replace(scored=jnp.ones_like(rows.scored))
  logp = forward(params(), {}, rows, ()).logp
  rng = np.random.default_rng(0)
  near = lambda scale: (
    logp + scale * jnp.asarray(rng.normal(size=logp.shape), "float32")
  )
  return rows.replace(logp_old=near(0.1), logp_ref=near(0.3), logp_sampling=near(0.1))


def objective(stage, name):
  parts = {
    "loss": pick("losses", "ppo_clip"),
    "reduction": pick("reductions", "token_mean"),
  }
  if stage == "regularizers":
    parts[stage] = tuple(pick(stage, one) for one in names(stage))
  elif stage == "corrections":
    parts[stage] = (pick(stage, name),)
  else:
    parts["loss" if stage == "losses" else "reduction"] = pick(stage, name)
  return Objective(**parts)


def step(parts, micro_batches=1):
  """The jitted step, and the state before it."""
  optimizer = make_optimizer(optax.sgd(1.0), max_grad_norm=0.0)
  fn = make_train_step(forward, parts, optimizer, micro_batches=micro_batches)
  return jax.jit(fn), init_state(params(), optimizer, parts)


def packed(rows, parts):
  """The batch in several parts of packed rows, of which the last ones are empty."""
  arrays = jax.device_get((rows.mask, rows.prompt_tokens, rows.group))
  options = {"row_tokens": 18, "rows": 3, "whole_groups": parts.needs_groups}
  packing = pack(*arrays, **options)
  assert 1 < packing.parts < packing.source.shape[0]
  return rows.replace(packing=packing)


def assert_same(a, b, scale):
  close = lambda x, y: np.testing.assert_allclose(x, y, rtol=0, atol=1e-6 * scale)
  jax.tree.map(close, a, b)


@pytest.mark.parametrize("stage, name", PARTS)
def test_how_a_batch_is_cut_and_laid_out_changes_nothing(stage, name):
  parts, rows = objective(stage, name), batch()
  fn, state = step(parts)
  one, metrics = fn(state, {}, rows)
  moved = [
    jnp.abs(a - b).max()
    for a, b in zip(*map(jax.tree.leaves, (one.params, params())), strict=True)
  ]
  assert max(moved) > 1e-4 and all(np.isfinite(m) for m in jax.tree.leaves(metrics))
  # To 1e-6 of float32 numbers of size 1; sums over tokens have larger ones.
  scale = max(1.0, float(max(moved)))

  # Another batch of the same shapes takes the same program, unless jax has let go of it
  # by then: of all jitted functions of a process it keeps the latest.
  fn(one, {}, rows.replace(advantages=2 * rows.advantages))
  assert fn._cache_size() <= 1

  cut, state = step(parts, micro_batches=ROWS // GROUP)
  assert_same(one.params, cut(state, {}, rows)[0].params, scale)

  in_parts, more = fn(state, {}, packed(rows, parts))
  assert_same(one.params, in_parts.params, scale)
  sizes = max(1.0, *(float(jnp.abs(x).max()) for x in metrics.values()))
  assert_same(dict(metrics), dict(more), 10 * sizes)

  # Wider and on eight devices at once: either alone would be one more to compile.
  wide = prompts.widen(rows, rows.tokens.shape[1] + 2)
  mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
  sharded = jax.device_put(wide, NamedSharding(mesh, P("data")))
  assert_same(one.params, fn(state, {}, sharded)[0].params, scale)


@pytest.mark.parametrize("name", names("losses"))
def test_a_group_may_stand_anywhere(name):
  """Losses over groups compare the rows of a group and no others."""
  parts = objective("losses", name)
  if "group" not in needs(parts.loss):
    return
  rows = batch()
  fn, state = step(parts)
  order = np.arange(ROWS).reshape(-1, GROUP)[::-1].reshape(-1)
  turned = jax.tree.map(lambda x: x[order], rows)
  turned = turned.replace(group=jnp.arange(ROWS, dtype=jnp.int32) // GROUP)
  assert_same(fn(state, {}, rows)[0].params, fn(state, {}, turned)[0].params, 1.0)
