"""Adapters: start at the base, merge exactly, and are matched by path."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from jaxrl.models.config import DecoderConfig
from jaxrl.models.decoder import Decoder, init_params, logical_axes
from jaxrl.models.errors import ModelError
from jaxrl.models.lora import init_lora, lora_axes, merge

SMALL = {
  "vocab_size": 61,
  "num_layers": 2,
  "embed_dim": 24,
  "mlp_dim": 40,
  "num_heads": 4,
  "num_kv_heads": 2,
  "head_dim": 8,
}
EVERYTHING = ("attn", "mlp", "embed", "head")
TOKENS = jax.random.randint(jax.random.key(1), (2, 6), 0, 61)
POSITIONS = jnp.broadcast_to(jnp.arange(6), (2, 6))


@functools.partial(jax.jit, static_argnums=0)
def _logits(config, variables):
  decoder = Decoder(config)
  hidden, _ = decoder.apply(variables, TOKENS, POSITIONS)
  return decoder.apply(variables, hidden, method="logits")


def _trained(lora):
  """As after some steps: b is no longer 0."""
  return jax.tree.map(
    lambda leaf: leaf + 0.1 * jax.random.normal(jax.random.key(7), leaf.shape), lora
  )


@pytest.mark.parametrize(("tied", "row_layout"), [(True, True), (False, False)])
def test_adapters_start_at_the_base_and_merge_exactly(tied, row_layout):
  config = DecoderConfig(
    **SMALL,
    tie_embeddings=tied,
    qkv_bias=True,
    row_layout=row_layout,
    lora_scale=2.0,
  )
  params = init_params(config, jax.random.key(0))
  targets = EVERYTHING[:3] if tied else EVERYTHING
  lora = init_lora(params, jax.random.key(2), rank=3, targets=targets)
  base = _logits(config, {"params": params})
  np.testing.assert_array_equal(_logits(config, {"params": params, "lora": lora}), base)

  lora = _trained(lora)
  adapted = _logits(config, {"params": params, "lora": lora})
  assert np.abs(adapted - base).max() > 0.1
  merged = merge(params, lora, 2.0)
  np.testing.assert_allclose(_logits(config, {"params": merged}), adapted, atol=1e-4)
  assert jax.tree.structure(merged) == jax.tree.structure(params)
  assert "bias" in merged["layers"]["attn"]["q"]


def test_every_kind_of_matrix_adapts():
  config = DecoderConfig(**SMALL, tie_embeddings=False)
  params = init_params(config, jax.random.key(0))
  lora = init_lora(params, jax.random.key(2), rank=3, targets=EVERYTHING)
  grads = jax.grad(
    lambda lora: jnp.sum(_logits(config, {"params": params, "lora": lora}) ** 2)
  )(lora)
  leaves = jax.tree_util.tree_leaves_with_path(grads)
  assert len(leaves) == 2 * (4 + 3 + 1 + 1)
  for path, leaf in leaves:
    if path[-1].key == "b":
      assert np.abs(leaf).max() > 1e-4, path
    else:
      np.testing.assert_array_equal(leaf, 0, err_msg="a moves once b has")


def test_shapes_spread_and_axes():
  config = DecoderConfig(**{**SMALL, "embed_dim": 512, "mlp_dim": 600})
  params = init_params(config, jax.random.key(0))
  targets = ("attn/(q|v)/", "embed")
  lora = init_lora(params, jax.random.key(2), rank=4, targets=targets)
  assert sorted(lora["layers"]["attn"]) == ["q", "v"]
  a, b = lora["layers"]["attn"]["v"]["a"], lora["layers"]["attn"]["v"]["b"]
  assert (a.shape, b.shape) == ((2, 512, 4), (2, 4, 16))
  np.testing.assert_allclose(a.std(), 512**-0.5, rtol=0.05)
  assert np.abs(a[0] - a[1]).max() > 0, "layers start apart"
  table = lora["embed"]["a"]
  assert (table.shape, lora["embed"]["b"].shape) == ((61, 4), (4, 512))
  np.testing.assert_allclose(table.std(), 4**-0.5, rtol=0.2)

  axes = lora_axes(logical_axes(config), lora)
  assert axes["layers"]["attn"]["v"] == {
    "a": PartitionSpec("layers", "embed", None),
    "b": PartitionSpec("layers", None, "kv_heads"),
  }
  assert axes["embed"]["a"] == PartitionSpec("vocab", None)


def test_a_target_without_match_names_what_is_near():
  params = init_params(DecoderConfig(**SMALL), jax.random.key(0))
  init = lambda *targets: init_lora(params, jax.random.key(0), rank=2, targets=targets)
  with pytest.raises(
    ModelError, match=r"'attn/query' matches no.*layers/attn/q/kernel"
  ):
    init("mlp", "attn/query")
  with pytest.raises(ModelError, match="matches no matrix"):
    init("attn_norm")
  with pytest.raises(ModelError, match=r"'q\('.*is not a regular expression"):
    init("q(")
  with pytest.raises(ModelError, match="rank 0"):
    init_lora(params, jax.random.key(0), rank=0, targets=("attn",))
