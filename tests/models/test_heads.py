"""Value and step-reward heads, against plain NumPy."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from jaxrl.models.heads import StepHead, ValueHead

HIDDEN = jax.random.normal(jax.random.key(0), (2, 5, 8))
ENDS = jnp.asarray([[1, 4, -1], [0, -1, -1]])


def _random(head, *inputs):
  """Boxed and random parameters; heads start at 0, which would hide mistakes."""
  boxed = head.init(jax.random.key(1), *inputs)["params"]
  params = nn.meta.unbox(boxed)
  leaves, tree = jax.tree.flatten(params)
  keys = jax.random.split(jax.random.key(2), len(leaves))
  noise = [
    jax.random.normal(key, leaf.shape) for key, leaf in zip(keys, leaves, strict=True)
  ]
  return boxed, jax.tree.unflatten(tree, noise)


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


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("hidden", [0, 4])
def test_step_head(outputs, hidden):
  head = StepHead(outputs, hidden)
  boxed, params = _random(head, HIDDEN)
  x, plain = np.asarray(HIDDEN, np.float32), jax.tree.map(np.asarray, params)
  if hidden:
    below = plain["below"]
    x = np.maximum(x @ below["kernel"] + below["bias"], 0.0)
  want = x @ plain["kernel"] + plain["bias"]
  got = head.apply({"params": params}, HIDDEN)
  assert got.shape == (*HIDDEN.shape[:2], outputs)
  np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
  start = head.apply({"params": nn.meta.unbox(boxed)}, HIDDEN)
  np.testing.assert_array_equal(start, 0)
