"""The same logits as transformers, for every family, read and written."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import transformers

from jaxrl.models.cache import EMPTY, init_cache
from jaxrl.models.config import Rope
from jaxrl.models.decoder import Decoder
from jaxrl.models.hf_config import from_hf, to_hf
from jaxrl.models.load import load
from jaxrl.models.save import save
from tests.models import families

pytestmark = [
  pytest.mark.filterwarnings("ignore::DeprecationWarning"),
  pytest.mark.filterwarnings("ignore::FutureWarning"),
  pytest.mark.filterwarnings("ignore::UserWarning"),
]
TOKENS = np.random.default_rng(0).integers(0, 256, (2, 17))


def _logits(pretrained, tokens):
  positions = jnp.broadcast_to(jnp.arange(tokens.shape[1]), tokens.shape)
  decoder = Decoder(pretrained.config)

  @jax.jit
  def run(params, tokens, positions):
    hidden, _ = decoder.apply({"params": params}, tokens, positions)
    return decoder.apply({"params": params}, hidden, method="logits")

  return np.asarray(run(pretrained.params, jnp.asarray(tokens), positions))


def _decoded_logits(pretrained, tokens, lengths):
  """Logits of each row's tokens: ragged prompts prefilled together, then one by one."""
  decoder = Decoder(pretrained.config)
  rows, total = tokens.shape
  longest = max(lengths)

  @jax.jit
  def run(params, tokens, positions, cache):
    hidden, cache = decoder.apply({"params": params}, tokens, positions, cache=cache)
    return decoder.apply({"params": params}, hidden, method="logits"), cache

  slots = np.arange(longest)
  real = slots[None] < np.asarray(lengths)[:, None]
  positions = np.where(real, slots[None], EMPTY).astype(np.int32)
  cache = init_cache(pretrained.config, rows, 2 * total)
  prompt = jnp.asarray(np.where(real, tokens[:, :longest], 0))
  prefill, cache = run(pretrained.params, prompt, jnp.asarray(positions), cache)
  logits = [list(prefill[row, : lengths[row]]) for row in range(rows)]
  for step in range(total - max(lengths)):
    where = np.asarray(lengths) + step
    step_logits, cache = run(
      pretrained.params,
      jnp.asarray(tokens[np.arange(rows), where][:, None]),
      jnp.asarray(where[:, None].astype(np.int32)),
      cache,
    )
    for row in range(rows):
      logits[row].append(step_logits[row, 0])
  return [np.stack(row) for row in logits]


@pytest.mark.parametrize("name", families.CONFIGS)
def test_logits_agree_read_decoded_and_written(name, tmp_path):
  families.write(name, tmp_path / "theirs")
  expected = families.torch_logits(families.torch_model(name), TOKENS)
  assert expected.std() > 0.3, "a model of near-constant logits would show nothing"

  ours = load(tmp_path / "theirs")
  np.testing.assert_allclose(_logits(ours, TOKENS), expected, atol=1e-4, rtol=1e-4)

  for row, got in enumerate(_decoded_logits(ours, TOKENS, (4, 9))):
    np.testing.assert_allclose(got, expected[row, : len(got)], atol=1e-4, rtol=1e-4)

  save(tmp_path / "ours", ours.config, ours.params, ours.tokenizer)
  again = transformers.AutoModelForCausalLM.from_pretrained(
    tmp_path / "ours", attn_implementation="eager"
  ).eval()
  np.testing.assert_allclose(
    families.torch_logits(again, TOKENS), expected, atol=1e-5, rtol=1e-5
  )
  assert type(again) is type(families.torch_model(name))
  assert load(tmp_path / "ours").config == ours.config


def test_sharded_and_half_precision_files(tmp_path):
  families.write("llama2", tmp_path / "theirs", max_shard_size="20KB")
  assert (tmp_path / "theirs" / "model.safetensors.index.json").exists()
  ours = load(tmp_path / "theirs")
  expected = families.torch_logits(families.torch_model("llama2"), TOKENS)
  np.testing.assert_allclose(_logits(ours, TOKENS), expected, atol=1e-4)

  for dtype in ("bfloat16", "float16"):
    target = tmp_path / dtype
    save(
      target,
      ours.config,
      ours.params,
      ours.tokenizer,
      dtype=dtype,
      max_shard_bytes=20_000,
    )
    again = transformers.AutoModelForCausalLM.from_pretrained(target)
    assert str(again.dtype) == f"torch.{dtype}"
    mine = load(target)
    for got, want in zip(
      jax.tree.leaves(mine.params), jax.tree.leaves(ours.params), strict=True
    ):
      assert got.dtype == jnp.float32
      np.testing.assert_allclose(got, want, atol=1e-2, rtol=1e-2)


def test_saving_replaces_a_directory_and_leaves_no_scratch(tmp_path):
  families.write("qwen3", tmp_path / "theirs")
  ours = load(tmp_path / "theirs")
  for _ in range(2):
    save(tmp_path / "out", ours.config, ours.params, ours.tokenizer)
  assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "theirs"]
  assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
  ]


@pytest.mark.parametrize("name", families.CONFIGS)
def test_config_round_trip(name):
  config = from_hf(families.torch_model(name).config.to_dict())
  assert from_hf(to_hf(config)) == config


def test_old_spelling_and_multimodal_gemma3():
  text = {
    "model_type": "gemma3_text",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 12,
    "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
    "sliding_window": 1024,
    "sliding_window_pattern": 6,
    "rope_local_base_freq": 10000.0,
  }
  config = from_hf(
    {"model_type": "gemma3", "eos_token_id": [1, 106], "text_config": text}
  )
  assert config.local_layers == ((True,) * 5 + (False,)) * 2
  assert config.rope == Rope(theta=1e6, kind="linear", factor=8.0)
  assert config.local_rope == Rope(theta=10000.0)
  assert (config.num_heads, config.head_dim, config.vocab_size) == (8, 256, 262208)
  assert config.tie_embeddings and config.qk_norm and config.post_norms
  assert (config.eos_id, config.query_scale) == (1, 1 / 16)


def test_bfloat16_compute_is_close(tmp_path):
  families.write("qwen3", tmp_path / "theirs")
  ours = load(tmp_path / "theirs")
  half = load(tmp_path / "theirs", compute_dtype="bfloat16")
  assert half.config == dataclasses.replace(ours.config, compute_dtype="bfloat16")
  want = _logits(ours, TOKENS)
  got = _logits(half, TOKENS)
  assert got.dtype == np.float32
  assert np.abs(got - want).max() < 0.05 * np.abs(want).max()
