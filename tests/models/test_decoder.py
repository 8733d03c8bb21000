"""Who sees whom, the cache, layouts and rematerialisation, logical axes."""

import dataclasses
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from jaxrl.models.attention import Segments, visible
from jaxrl.models.cache import EMPTY, grow, init_cache, take_rows, tidy, to_int8
from jaxrl.models.config import DecoderConfig, Rope, row_layout_default
from jaxrl.models.decoder import Decoder, init_params, logical_axes, shapes
from jaxrl.models.errors import ModelError

CONFIG = DecoderConfig(
  vocab_size=61,
  num_layers=3,
  embed_dim=24,
  mlp_dim=40,
  num_heads=4,
  num_kv_heads=2,
  head_dim=8,
  tie_embeddings=False,
  qkv_bias=True,
  qk_norm=True,
  norm_plus_one=True,
  post_norms=True,
  attention_softcap=5.0,
  window=3,
  local_layers=(True, False, True),
  local_rope=Rope(theta=100.0),
)
DECODER = Decoder(CONFIG)
PARAMS = init_params(CONFIG, jax.random.key(0))
TOKENS = jax.random.randint(jax.random.key(1), (2, 9), 0, CONFIG.vocab_size)
POSITIONS = jnp.broadcast_to(jnp.arange(9), (2, 9))


@functools.partial(jax.jit, static_argnums=1)
def _jitted(params, config, *args, **kwargs):
  return Decoder(config).apply({"params": params}, *args, **kwargs)


def _apply(tokens=TOKENS, positions=POSITIONS, config=CONFIG, **kwargs):
  return _jitted(PARAMS, config, tokens, positions, **kwargs)


def test_visibility_is_what_the_rule_says():
  rng = np.random.default_rng(0)
  positions = np.where(rng.random((2, 7)) < 0.2, EMPTY, rng.integers(0, 6, (2, 7)))
  keys = np.where(rng.random((2, 7)) < 0.2, EMPTY, rng.integers(0, 6, (2, 7)))
  ids, prefix = rng.integers(0, 3, (2, 7)), rng.integers(-1, 3, (2, 7))
  segments = Segments(jnp.asarray(ids), jnp.asarray(prefix))
  for window in (1, 3, EMPTY):
    places = map(jnp.asarray, (positions, keys))
    got = visible(*places, segments, jnp.asarray(window, jnp.int32))
    for b, i, j in np.ndindex(2, 7, 7):
      want = (
        positions[b, i] != EMPTY
        and keys[b, j] != EMPTY
        and keys[b, j] <= positions[b, i]
        and positions[b, i] - keys[b, j] < window
        and ids[b, j] in (ids[b, i], prefix[b, i])
      )
      assert got[b, i, j] == want, (b, i, j, window)


@pytest.mark.parametrize("row_layout", [True, False])
def test_padding_changes_nothing_and_is_never_nan(row_layout):
  config = dataclasses.replace(CONFIG, row_layout=row_layout)
  real = 5
  positions = POSITIONS.at[1, real:].set(EMPTY)
  other = TOKENS.at[1, real:].set(7)

  def loss(params, tokens):
    hidden, _ = Decoder(config).apply({"params": params}, tokens, positions)
    return jnp.sum(hidden[1, :real] ** 2 * jnp.arange(1.0, 25)[None]), hidden

  run = jax.jit(jax.value_and_grad(loss, has_aux=True))
  (_, hidden), grads = run(PARAMS, TOKENS)
  (_, changed), same_grads = run(PARAMS, other)
  short, _ = _apply(TOKENS[1:, :real], POSITIONS[1:, :real], config)
  np.testing.assert_allclose(hidden[1:, :real], short, atol=1e-5)
  np.testing.assert_array_equal(hidden[1, :real], changed[1, :real])
  assert np.isfinite(hidden).all()
  for one, two in zip(jax.tree.leaves(grads), jax.tree.leaves(same_grads), strict=True):
    assert np.isfinite(one).all()
    np.testing.assert_array_equal(one, two)


def test_a_row_that_sees_nothing_is_finite_in_value_and_gradient():
  positions = POSITIONS.at[1].set(EMPTY)

  def loss(params):
    hidden, _ = Decoder(CONFIG).apply({"params": params}, TOKENS, positions)
    return jnp.sum(hidden**2)

  value, grads = jax.jit(jax.value_and_grad(loss))(PARAMS)
  assert np.isfinite(value)
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))


def test_packed_segments_are_separate_rows():
  lengths = (4, 5)
  parts = [TOKENS[:1, :4], TOKENS[1:, :5]]
  packed = jnp.concatenate(parts, axis=1)
  positions = jnp.concatenate([jnp.arange(n) for n in lengths])[None]
  ids = jnp.repeat(jnp.arange(2), jnp.asarray(lengths))[None]
  segments = Segments(ids, jnp.full_like(ids, -1))
  hidden, _ = _apply(packed, positions, segments=segments)
  for part, got in zip(parts, jnp.split(hidden, [4], axis=1), strict=True):
    alone, _ = _apply(part, jnp.arange(part.shape[1])[None])
    np.testing.assert_allclose(got, alone, atol=1e-5)


def test_responses_behind_one_prefix_are_separate_rows():
  """[prompt | one answer | another] in a row against prompt + answer in two rows."""
  prompt, answers = TOKENS[:1, :3], TOKENS[:, 3:7]
  packed = jnp.concatenate([prompt, answers.reshape(1, 8)], axis=1)
  positions = jnp.array([[0, 1, 2, 3, 4, 5, 6, 3, 4, 5, 6]])
  ids = jnp.array([[0] * 3 + [1] * 4 + [2] * 4])
  segments = Segments(ids, jnp.where(ids == 0, -1, 0))
  hidden, _ = _apply(packed, positions, segments=segments)
  for row, got in enumerate(jnp.split(hidden[:, 3:], 2, axis=1)):
    whole = jnp.concatenate([prompt, answers[row : row + 1]], axis=1)
    alone, _ = _apply(whole, jnp.arange(7)[None])
    np.testing.assert_allclose(got, alone[:, 3:], atol=1e-5)


def test_a_token_sees_no_later_token():
  hidden, _ = _apply()
  changed, _ = _apply(TOKENS.at[:, 5].set(0))
  np.testing.assert_array_equal(hidden[:, :5], changed[:, :5])
  assert np.abs(hidden[:, 5:] - changed[:, 5:]).max() > 1e-3


@jax.jit
def _decode(cache, tokens, positions):
  """Token by token in a compiled loop, which the sampler does too."""

  def step(cache, inputs):
    token, position = inputs
    hidden, cache = _apply(token[:, None], position[:, None], cache=cache)
    return cache, hidden[:, 0]

  cache, hidden = jax.lax.scan(step, cache, (tokens.T, positions.T))
  return cache, hidden.swapaxes(0, 1)


@jax.jit
def _prefill(tokens, positions):
  return DECODER.apply({"params": PARAMS}, tokens, positions, method="prefill")


def test_a_prefix_serves_its_neighbours_through_grow_take_and_tidy():
  whole, _ = _apply()
  prefill, prefix = _prefill(TOKENS[:, :4], POSITIONS[:, :4])
  np.testing.assert_allclose(prefill, whole[:, :4], atol=1e-5)
  assert prefix.k.shape == (3, 2, 2, 4, 8) and int(prefix.length) == 4

  cache = init_cache(CONFIG, rows=6, slots=2)
  cache = grow(dataclasses.replace(cache, prefix=prefix), 12)
  assert cache.k.shape == (3, 6, 2, 12, 8) and cache.prefix.slots == 4
  np.testing.assert_array_equal(cache.positions, EMPTY)
  rows = jnp.asarray([0, 0, 0, 1, 1, 1])
  tokens, positions = TOKENS[rows, 4:], POSITIONS[rows, 4:]
  full, hidden = _decode(cache, tokens, positions)
  np.testing.assert_allclose(hidden, whole[rows, 4:], atol=1e-5)
  assert int(full.length) == 5

  order = jnp.asarray([5, 0])
  own = take_rows(cache, order)
  assert own.prefix.positions.shape[0] == 2
  # Two tokens, a hole as a rejected draft leaves it, and the rest.
  mine = TOKENS[jnp.asarray([1, 0])], POSITIONS[jnp.asarray([1, 0])]
  half, _ = _decode(own, mine[0][:, 4:6], mine[1][:, 4:6])
  half = dataclasses.replace(half, length=half.length + 3)
  half, _ = _decode(half, mine[0][:, 6:8], mine[1][:, 6:8])
  assert int(half.length) == 7
  half = tidy(half)
  assert int(half.length) == 4
  np.testing.assert_array_equal(half.positions[:, :5], [[4, 5, 6, 7, EMPTY]] * 2)
  _, hidden = _decode(half, mine[0][:, 8:], mine[1][:, 8:])
  np.testing.assert_allclose(hidden, whole[jnp.asarray([1, 0]), 8:], atol=1e-5)


def test_keys_in_int8_are_near_and_other_layouts_equal():
  whole, _ = _apply()
  _, prefix = _prefill(TOKENS[:, :4], POSITIONS[:, :4])
  for dtype, tolerance in (("float32", 1e-5), ("int8", 0.05)):
    cache = init_cache(CONFIG, rows=2, slots=5, dtype=dtype)
    small = to_int8(prefix) if dtype == "int8" else prefix
    cache = dataclasses.replace(cache, prefix=small)
    full, hidden = _decode(cache, TOKENS[:, 4:], POSITIONS[:, 4:])
    assert full.k.dtype == dtype
    scale = float(jnp.abs(whole).max())
    np.testing.assert_allclose(hidden, whole[:, 4:], atol=tolerance * scale)
    config = dataclasses.replace(CONFIG, row_layout=not CONFIG.row_layout)
    token, position = TOKENS[:, 4:5], POSITIONS[:, 4:5]
    other, _ = _apply(token, position, config, cache=cache)
    np.testing.assert_allclose(other[:, 0], hidden[:, 0], atol=1e-5)


def test_a_prefill_may_come_in_chunks():
  whole, _ = _apply()
  cache = init_cache(CONFIG, rows=2, slots=9)
  parts = []
  for start, end in ((0, 2), (2, 7), (7, 9)):
    part = TOKENS[:, start:end], POSITIONS[:, start:end]
    hidden, cache = _apply(*part, cache=cache)
    parts.append(hidden)
  np.testing.assert_allclose(jnp.concatenate(parts, 1), whole, atol=1e-5)


def test_cache_misuse():
  cache = init_cache(CONFIG, rows=2, slots=9)
  with pytest.raises(ModelError, match="segments together with a cache"):
    ids = jnp.zeros_like(TOKENS)
    _apply(segments=Segments(ids, ids), cache=cache)
  with pytest.raises(ModelError, match="already has 9 slots, not 8"):
    grow(cache, 8)
  with pytest.raises(ModelError, match="9 tokens do not fit into 8 slots"):
    _apply(cache=init_cache(CONFIG, rows=2, slots=8))


@functools.cache
def _gradients(config):
  def loss(params):
    variables = {"params": params}
    hidden, _ = Decoder(config).apply(variables, TOKENS, POSITIONS)
    logits = Decoder(config).apply(variables, hidden, method="logits")
    logp = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(logp, TOKENS[..., None], -1).mean(), logits

  (_, logits), grads = jax.jit(jax.value_and_grad(loss, has_aux=True))(PARAMS)
  return logits, grads


@pytest.mark.parametrize(
  "changes", [{"row_layout": True}, {"remat": "full"}, {"remat": "dots"}]
)
def test_how_it_runs_does_not_change_what_is_computed(changes):
  base = dataclasses.replace(CONFIG, row_layout=False)
  logits, grads = _gradients(base)
  other_logits, other_grads = _gradients(dataclasses.replace(base, **changes))
  np.testing.assert_allclose(logits, other_logits, atol=1e-5)
  for one, two in zip(
    jax.tree.leaves(grads), jax.tree.leaves(other_grads), strict=True
  ):
    assert np.abs(one).max() > 1e-6
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_logical_axes_match_the_parameters():
  axes = logical_axes(CONFIG)
  is_spec = lambda leaf: isinstance(leaf, PartitionSpec)
  assert jax.tree.structure(axes, is_leaf=is_spec) == jax.tree.structure(PARAMS)
  jax.tree.map(lambda spec, leaf: _check(spec, leaf), axes, PARAMS, is_leaf=is_spec)
  attn = axes["layers"]["attn"]
  assert attn["q"]["kernel"] == PartitionSpec("layers", "embed", "heads")
  assert attn["v"]["bias"] == PartitionSpec("layers", "kv_heads")
  assert axes["embed"]["embedding"] == PartitionSpec("vocab", "embed")
  assert axes["head"]["kernel"] == PartitionSpec("embed", "vocab")


def _check(spec, leaf):
  sizes = {
    "layers": 3,
    "embed": 24,
    "heads": 32,
    "kv_heads": 16,
    "mlp": 40,
    "vocab": 61,
  }
  assert len(spec) == leaf.ndim
  for name, size in zip(spec, leaf.shape, strict=True):
    assert name == "norm" or sizes[name] == size


def test_init_is_boxed_and_shapes_compute_nothing():
  init = lambda key: DECODER.init(key, TOKENS, POSITIONS)["params"]
  boxed = jax.eval_shape(init, jax.random.key(0))
  kernel = boxed["layers"]["attn"]["q"]["kernel"]
  assert isinstance(kernel, nn.LogicallyPartitioned)
  assert jax.tree.map(jnp.shape, PARAMS) == jax.tree.map(
    lambda leaf: leaf.shape, shapes(CONFIG)
  )
  assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(PARAMS))


def test_bfloat16_is_used_and_promotes_nothing(strict_dtypes):
  config = dataclasses.replace(CONFIG, compute_dtype="bfloat16", scale_embeddings=True)
  cache = init_cache(config, 2, 9)
  hidden, cache = _apply(config=config, cache=cache)
  assert hidden.dtype == cache.k.dtype == jnp.bfloat16
  to_logits = functools.partial(Decoder(config).apply, method="logits")
  logits = jax.eval_shape(to_logits, {"params": PARAMS}, hidden)
  assert logits.dtype == jnp.float32


def test_config_errors():
  bad = [
    ({"num_kv_heads": 3}, "4 heads cannot share 3 kv heads"),
    ({"head_dim": 7}, "head_dim 7 is odd"),
    ({"local_layers": (True,)}, "one for each of the 3 layers"),
    ({"window": None}, "window None"),
    ({"remat": "some"}, "remat 'some'; choose from none, full, dots"),
    ({"compute_dtype": "int8"}, "compute_dtype 'int8'"),
    ({"activation": "relu"}, "activation 'relu'"),
  ]
  for changes, message in bad:
    with pytest.raises(ModelError, match=message):
      dataclasses.replace(CONFIG, **changes)
  with pytest.raises(ModelError, match="rope kind 'x'"):
    Rope(kind="x")
  assert hash(CONFIG) == hash(dataclasses.replace(CONFIG))
  assert CONFIG.row_layout is row_layout_default() is True


def test_same_numbers_on_eight_devices():
  auto = (jax.sharding.AxisType.Auto,)
  mesh = jax.make_mesh((8,), ("data",), axis_types=auto)
  sharding = jax.sharding.NamedSharding(mesh, PartitionSpec("data"))
  tokens = jnp.tile(TOKENS, (4, 1))
  positions = jnp.tile(POSITIONS, (4, 1))
  sharded = jax.device_put((tokens, positions), sharding)
  params = jax.device_put(PARAMS, jax.sharding.NamedSharding(mesh, PartitionSpec()))
  run = jax.jit(lambda p, *inputs: DECODER.apply({"params": p}, *inputs)[0])
  np.testing.assert_allclose(
    run(params, *sharded), run(PARAMS, tokens, positions), atol=1e-5
  )
