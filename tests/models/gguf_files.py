"""Writes small .gguf files as llama.cpp's converter would.

Tensor names come from the gguf package's own map, not from ours.
"""

import gguf
import numpy as np
import torch
import transformers

from jaxrl.models.tokenizer import byte_tokenizer

_SMALL = {
  "vocab_size": 288,
  "hidden_size": 64,
  "intermediate_size": 96,
  "num_hidden_layers": 2,
  "num_attention_heads": 4,
  "num_key_value_heads": 2,
  "max_position_embeddings": 128,
}
_GEMMA = {**_SMALL, "head_dim": 32, "sliding_window": 5, "query_pre_attn_scalar": 32}
_LINEAR = {"rope_type": "linear", "rope_theta": 1e6, "factor": 8.0}
LLAMA3 = {
  "rope_type": "llama3",
  "rope_theta": 500000.0,
  "factor": 8.0,
  "low_freq_factor": 1.0,
  "high_freq_factor": 4.0,
  "original_max_position_embeddings": 8192,
}
# name -> (GGUF architecture, transformers model type, numbers)
MODELS = {
  "llama": (gguf.MODEL_ARCH.LLAMA, "llama", {**_SMALL, "tie_word_embeddings": False}),
  "llama3": (gguf.MODEL_ARCH.LLAMA, "llama", {**_SMALL, "rope_parameters": LLAMA3}),
  "qwen2": (gguf.MODEL_ARCH.QWEN2, "qwen2", {**_SMALL, "tie_word_embeddings": True}),
  "qwen3": (gguf.MODEL_ARCH.QWEN3, "qwen3", {**_SMALL, "head_dim": 32}),
  "gemma2": (gguf.MODEL_ARCH.GEMMA2, "gemma2", _GEMMA),
  "gemma3": (
    gguf.MODEL_ARCH.GEMMA3,
    "gemma3_text",
    {
      **_GEMMA,
      "num_hidden_layers": 6,
      "rope_parameters": {
        "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        "full_attention": _LINEAR,
      },
    },
  ),
}


def torch_model(name: str):
  """A random transformers model, norms and biases random too."""
  _, model_type, numbers = MODELS[name]
  config = transformers.AutoConfig.for_model(model_type, **numbers)
  config._attn_implementation = "eager"
  torch.manual_seed(0)
  model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
  with torch.no_grad():
    for parameter in model.parameters():
      parameter.add_(torch.randn_like(parameter) * 0.1)
  return model


def interleave(rows, heads):
  """llama.cpp's `permute` of query and key rows, copied from convert_hf_to_gguf.py."""
  shape = (heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
  return rows.reshape(shape).swapaxes(1, 2).reshape(rows.shape)


def write_model(path, name, model, quant=gguf.GGMLQuantizationType.F32):
  """The whole file: metadata, byte tokenizer, tensors."""
  arch, model_type, _ = MODELS[name]
  config = model.config
  writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[arch])
  _write_metadata(writer, config)
  write_bytes_tokenizer(writer)
  names = gguf.get_tensor_name_map(arch, config.num_hidden_layers)
  tied = config.tie_word_embeddings
  for key, tensor in model.state_dict().items():
    if key == "lm_head.weight" and tied:
      continue
    array = tensor.numpy()
    part = key.rsplit(".", 2)[-2]
    heads = {
      "q_proj": config.num_attention_heads,
      "k_proj": config.num_key_value_heads,
    }.get(part)
    if heads and model_type == "llama":
      array = interleave(array, heads)
    if model_type.startswith("gemma") and "norm" in part:
      array = array + 1
    kind = quant if array.ndim == 2 else gguf.GGMLQuantizationType.F32
    target = names.get_name(key, try_suffixes=(".weight", ".bias"))
    writer.add_tensor(target, gguf.quants.quantize(array, kind), raw_dtype=kind)
  if name == "llama3":
    writer.add_tensor("rope_freqs.weight", _llama3_factors(config))
  close(writer)


def _write_metadata(writer, config):
  writer.add_block_count(config.num_hidden_layers)
  writer.add_context_length(config.max_position_embeddings)
  writer.add_embedding_length(config.hidden_size)
  writer.add_feed_forward_length(config.intermediate_size)
  writer.add_head_count(config.num_attention_heads)
  writer.add_head_count_kv(config.num_key_value_heads)
  writer.add_layer_norm_rms_eps(config.rms_norm_eps)
  if getattr(config, "head_dim", None):
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
  rope = config.rope_parameters
  rope = rope.get("full_attention", rope)
  writer.add_rope_freq_base(rope["rope_theta"])
  if rope["rope_type"] == "linear":
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(rope["factor"])
  if getattr(config, "query_pre_attn_scalar", None):
    writer.add_sliding_window(config.sliding_window)
    if config.attn_logit_softcapping:
      writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
      writer.add_final_logit_softcapping(config.final_logit_softcapping)


def _llama3_factors(config):
  """As llama.cpp computes them, pair by pair."""
  factors = []
  head_dim = config.hidden_size // config.num_attention_heads
  for i in range(0, head_dim, 2):
    wavelength = 2 * np.pi * LLAMA3["rope_theta"] ** (i / head_dim)
    if wavelength < 8192 / 4:
      factors.append(1.0)
    elif wavelength > 8192 / 1:
      factors.append(8.0)
    else:
      smooth = (8192 / wavelength - 1) / (4 - 1)
      factors.append(1 / ((1 - smooth) / 8 + smooth))
  return np.asarray(factors, np.float32)


def write_bytes_tokenizer(writer):
  """The byte tokenizer as a gpt2-type vocabulary with one harmless merge."""
  backend = byte_tokenizer().backend
  tokens = [backend.id_to_token(i) for i in range(259)]
  tokens += ["th", *(f"<unused{i}>" for i in range(260, 288))]
  writer.add_tokenizer_model("gpt2")
  writer.add_tokenizer_pre("default")
  writer.add_token_list(tokens)
  writer.add_token_types([1] * 256 + [3] * 3 + [1] + [5] * 28)
  writer.add_token_merges(["t h"])
  writer.add_eos_token_id(258)
  writer.add_pad_token_id(256)
  writer.add_chat_template(byte_tokenizer().template)


def close(writer):
  """Writes what was added."""
  writer.write_header_to_file()
  writer.write_kv_data_to_file()
  writer.write_tensors_to_file()
  writer.close()
