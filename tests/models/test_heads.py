"""Value and step-reward heads, against plain NumPy."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from jaxrl.models.heads import StepRewardHead, ValueHead

HIDDEN = jax.random.normal(jax.random.key(0), (2, 5, 8))
ENDS = jnp.asarray([[1, 4, -1], [0, -1, -1]])


def _random(head, *inputs):
  """Boxed and random parameters; heads start at 0, which would hide mistakes."""
  boxed = head.init(jax.random.key(1), *inputs)["params"]
  params = nn.meta.unbox(boxed)
  keys = jax.random.split(jax.random.key(2), len(params))
  noise = {
    name: jax.random.normal(key, params[name].shape)
    for name, key in zip(sorted(params), keys, strict=True)
  }
  return boxed, noise


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_value_head(dtype):
  hidden = HIDDEN.astype(dtype)
  boxed, params = _random(ValueHead(), hidden)
  got = ValueHead().apply({"params": params}, hidden)
  assert got.dtype == jnp.float32
  want = np.asarray(hidden, np.float32) @ params["kernel"][:, 0] + params["bias"][0]
  np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
  start = ValueHead().apply({"params": nn.meta.unbox(boxed)}, hidden)
  np.testing.assert_array_equal(start, 0)
  specs = nn.get_partition_spec(boxed)
  assert specs["kernel"] == PartitionSpec("embed", "classes")


@pytest.mark.parametrize("classes", [1, 3])
def test_step_reward_head(classes):
  head = StepRewardHead(classes)
  _, params = _random(head, HIDDEN, ENDS)
  got = head.apply({"params": params}, HIDDEN, ENDS)
  want = np.zeros((2, 3, classes), np.float32)
  for row, step, end in ((0, 0, 1), (0, 1, 4), (1, 0, 0)):
    want[row, step] = HIDDEN[row, end] @ params["kernel"] + params["bias"]
  np.testing.assert_allclose(
    got, want[..., 0] if classes == 1 else want, rtol=1e-5, atol=1e-5
  )


def test_padded_steps_have_no_gradient():
  head = StepRewardHead()
  _, params = _random(head, HIDDEN, ENDS)
  loss = lambda hidden: jnp.sum(head.apply({"params": params}, hidden, ENDS))
  grad = np.asarray(jax.grad(loss)(HIDDEN))
  used = {(row, step) for row, step in zip(*np.nonzero(grad.any(-1)), strict=True)}
  assert used == {(0, 1), (0, 4), (1, 0)}
