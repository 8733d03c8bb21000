"""Fused attention against `visible` and `attention`, and what it keeps in memory."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrl.models import fused
from jaxrl.models.attention import UNLIMITED, Segments, visible
from jaxrl.models.cache import EMPTY
from tests.models.plain_attention import attention


def _inputs(time, *, keys=None, rows=2, kv_heads=2, groups=3, dim=8, dtype=jnp.float32):
  """Random q, k, v and the output's cotangent; positions 0, 1, ..."""
  keys = time if keys is None else keys
  draws = jax.random.split(jax.random.key(time + keys), 4)
  q = jax.random.normal(draws[0], (rows, time, kv_heads, groups, dim), dtype)
  k = jax.random.normal(draws[1], (rows, keys, kv_heads, dim), dtype)
  v = jax.random.normal(draws[2], (rows, keys, kv_heads, dim), dtype)
  weights = jax.random.normal(draws[3], q.shape, dtype)
  positions = jnp.broadcast_to(jnp.arange(time), (rows, time))
  key_positions = jnp.broadcast_to(jnp.arange(keys), (rows, keys))
  return (q, k, v, weights), (positions, key_positions, None, jnp.int32(UNLIMITED))


def _reference(q, k, v, places, softcap):
  return attention(q, k, v, visible(*places), softcap)


@functools.partial(jax.jit, static_argnums=(0, 3))
def _values(run, arrays, places, softcap):
  """The output and the gradients of q, k and v."""
  *qkv, weights = arrays
  out, pull = jax.vjp(lambda *qkv: run(*qkv, places, softcap=softcap), *qkv)
  return out, *pull(weights)


def _compare(run, arrays, places, softcap=None, atol=1e-5):
  got = _values(run, arrays, places, softcap)
  want = _values(_reference, arrays, places, softcap)
  for one, two in zip(got, want, strict=True):
    one, two = (np.asarray(x, np.float32) for x in (one, two))
    assert np.abs(two).max() > 1e-2
    np.testing.assert_allclose(one, two, atol=atol, rtol=atol)
  return got


def _prefixed(time, prompt, answers):
  """[prompt | answer | ...] in every row: positions and segments."""
  length = (time - prompt) // answers
  ids = np.minimum(1 + (np.arange(time) - prompt) // length, answers)
  ids = np.where(np.arange(time) < prompt, 0, ids)
  starts = np.where(ids == 0, 0, prompt + (ids - 1) * length)
  offsets = np.where(ids == 0, 0, prompt)
  positions = np.arange(time) - starts + offsets
  rows = lambda x: jnp.broadcast_to(jnp.asarray(x, jnp.int32), (2, time))
  return rows(positions), Segments(rows(ids), rows(np.where(ids == 0, -1, 0)))


def _padded(positions, lengths):
  times = jnp.arange(positions.shape[1])[None]
  return jnp.where(times < jnp.asarray(lengths)[:, None], positions, EMPTY)


def _cases():
  """name -> time, places, softcap."""
  plain = lambda time: _inputs(time)[1][0]
  prefixed, segments = _prefixed(45, 11, 3)
  ragged = _padded(plain(37), (37, 5))
  window = jnp.int32(7)
  return {
    "causal": (32, (plain(32), None, UNLIMITED), None),
    "odd": (37, (plain(37), None, UNLIMITED), None),
    "padding": (37, (ragged, None, UNLIMITED), None),
    "window": (37, (ragged, None, window), None),
    "softcap": (37, (ragged, None, window), 2.0),
    "prefix": (45, (prefixed, segments, UNLIMITED), None),
    "everything": (45, (_padded(prefixed, (45, 30)), segments, window), 2.0),
    "one row sees nothing": (16, (_padded(plain(16), (16, 0)), None, window), None),
  }


@pytest.mark.parametrize(
  "name, skip", [*((name, True) for name in _cases()), ("everything", False)]
)
def test_blockwise_is_attention(name, skip):
  time, (positions, segments, reach), softcap = _cases()[name]
  arrays, _ = _inputs(time)
  run = _run(skip)
  places = positions, positions, segments, jnp.int32(reach)
  _compare(run, arrays, places, softcap)


@functools.cache
def _run(skip):
  return functools.partial(fused.blockwise, block=8, skip=skip)


def test_more_keys_than_queries():
  arrays, places = _inputs(5, keys=21)
  _compare(_run(True), arrays, (places[0] + 13, *places[1:]))


def test_blocks_that_do_not_see_each_other_are_skipped():
  """A prompt of 8 and three answers of 8; with a window of 8, and a row that ends."""
  positions, segments = _prefixed(32, 8, 3)
  pair = segments.ids, segments.prefix
  live = lambda *places: np.asarray(fused._split_places(places, 8, 8)[2])
  plain = jnp.broadcast_to(jnp.arange(32), (2, 32))
  ended = _padded(plain, (8, 16))
  far, near = jnp.int32(UNLIMITED), jnp.int32(8)
  star = np.eye(4, dtype=bool) | (np.arange(4) == 0)
  band = np.eye(4, dtype=bool) | np.eye(4, k=-1, dtype=bool)
  np.testing.assert_array_equal(live(plain, plain, None, far), np.tri(4, dtype=bool))
  np.testing.assert_array_equal(live(positions, positions, pair, far), star)
  np.testing.assert_array_equal(live(plain, plain, None, near), band)
  np.testing.assert_array_equal(live(ended, ended, None, far)[:, 2:], False)


def test_what_sees_nothing_gets_nothing():
  (time, (positions, segments, reach), softcap) = _cases()["one row sees nothing"]
  arrays, _ = _inputs(time)
  places = positions, positions, segments, jnp.int32(reach)
  out, dq, dk, dv = _values(_run(True), arrays, places, softcap)
  for x in (out, dq, dk, dv):
    np.testing.assert_array_equal(x[1], 0)


@pytest.mark.parametrize("name", ["everything", "one row sees nothing"])
def test_splash_is_attention(name):
  """Interpreted; that it compiles for a TPU is for scripts/aot_attention.py to show."""
  time, (positions, segments, reach), softcap = _cases()[name]
  arrays, _ = _inputs(time)
  run = functools.partial(fused.splash, interpret=True)
  places = positions, positions, segments, jnp.int32(reach)
  _compare(run, arrays, places, softcap)


def test_bfloat16_keeps_its_type(strict_dtypes):
  arrays, places = _inputs(37, dtype=jnp.bfloat16)
  got = _compare(_run(True), arrays, places, atol=5e-2)
  assert all(x.dtype == jnp.bfloat16 for x in got)


def _residual_sizes(run, arrays, places):
  """Sizes of what is kept between the forward and the backward pass."""
  *qkv, _ = arrays
  kept = jax.eval_shape(
    lambda *qkv: jax.vjp(lambda *qkv: run(*qkv, places), *qkv)[1], *qkv
  )
  return [leaf.size for leaf in jax.tree.leaves(kept)]


def test_nothing_of_the_size_of_all_scores():
  time = 2048
  arrays, places = _inputs(time, rows=1, kv_heads=1, groups=2, dim=16)
  run = functools.partial(fused.blockwise, softcap=None)
  assert max(_residual_sizes(run, arrays, places)) < time**2 / 32
  compiled = _values.lower(fused.blockwise, arrays, places, None).compile()
  whole = _values.lower(_reference, arrays, places, None).compile()
  temp, most = (x.memory_analysis().temp_size_in_bytes for x in (compiled, whole))
  scores = 4 * time**2  # of one head; there are two
  assert temp < scores / 2 and most > 2 * scores


def test_kernels_keep_no_mask(monkeypatch):
  time = 512
  arrays, places = _inputs(time, rows=1, kv_heads=1, groups=2, dtype=jnp.bfloat16)
  run = functools.partial(fused.splash, softcap=None, interpret=True)
  assert max(_residual_sizes(run, arrays, places)) < time**2 / 3
  _pretend_cudnn(monkeypatch)
  assert max(_residual_sizes(fused.cudnn, arrays, places)) < time**2 / 3


def _pretend_cudnn(monkeypatch):
  lib = pytest.importorskip("jax._src.cudnn.fused_attention_stablehlo")
  monkeypatch.setattr(lib, "check_cudnn_version", lambda: 91200)


@pytest.mark.parametrize("time", [128, 37])
def test_cudnn_lowers_to_its_calls(monkeypatch, time):
  """No GPU here: forward and backward at least become the right custom calls."""
  _pretend_cudnn(monkeypatch)
  arrays, places = _inputs(time, dtype=jnp.bfloat16)
  run = lambda *args, softcap: fused.cudnn(*args)
  values = jax.jit(_values.__wrapped__, static_argnums=(0, 3))
  traced = values.trace(run, arrays, places, None)
  text = traced.lower(lowering_platforms=("cuda",)).as_text()
  assert text.count("__cudnn$fmhaScaleBiasSoftmax(") == 1, text
  assert text.count("__cudnn$fmhaScaleBiasSoftmaxBackward(") == 1
  assert [x.shape for x in traced.out_info] == [
    x.shape for x in (arrays[0], *arrays[:3])
  ]


def test_choose():
  choose = functools.partial(fused.choose, softcap=None, head_dim=64, queries=1024)
  gpu = functools.partial(choose, "cuda", "bfloat16", capability=9.0)
  tpu = functools.partial(choose, "tpu", "bfloat16")
  table = [
    (gpu(), "cudnn"),
    (choose("cuda", "float16", capability=8.0), "cudnn"),
    (choose("cuda", "float32", capability=9.0), "blockwise"),
    (gpu(softcap=30.0), "blockwise"),
    (gpu(head_dim=20), "blockwise"),
    (gpu(head_dim=256), "cudnn"),
    (gpu(head_dim=256, capability=8.9), "blockwise"),
    (gpu(capability=7.5), "blockwise"),
    (gpu(partitioned=True), "cudnn"),
    (choose("rocm", "bfloat16"), "blockwise"),
    (tpu(), "splash"),
    (tpu(softcap=30.0), "splash"),
    (tpu(head_dim=128), "splash"),
    (tpu(queries=100), "blockwise"),
    (tpu(partitioned=True), "blockwise"),
    (choose("tpu", "float32"), "blockwise"),
    (choose("cpu", "bfloat16"), "blockwise"),
  ]
  for row, (got, want) in enumerate(table):
    assert got == want, row


def test_fused_on_this_backend():
  arrays, places = _inputs(37)

  def run(q, k, v, places, softcap):
    positions, key_positions, segments, reach = places
    return fused.fused(
      q,
      k,
      v,
      positions=positions,
      key_positions=key_positions,
      segments=segments,
      reach=reach,
      softcap=softcap,
    )

  _compare(run, arrays, places)


def test_a_shard_map_takes_the_partitioning_away():
  mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
  seen = []

  def note(x):
    seen.append(fused._partitioned())
    return x

  spec = jax.sharding.PartitionSpec("data")
  jax.eval_shape(note, jnp.zeros(8))
  jax.eval_shape(
    jax.shard_map(note, mesh=mesh, in_specs=spec, out_specs=spec), jnp.zeros(8)
  )
  assert seen == [True, False]
