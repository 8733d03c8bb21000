"""Config and weights of a .gguf file.

Knows what llama.cpp's converter changes: llama's query and key rows are reordered for
interleaved rotary embeddings, Gemma's norms are stored as 1 + scale, Llama 3's rotary
scaling is a tensor of factors, and some numbers are left to the reader's code.
"""

import dataclasses
import pathlib
from typing import Any

import gguf
import numpy as np

from jaxrl.models.config import DecoderConfig, Rope
from jaxrl.models.decoder import Params
from jaxrl.models.errors import ModelError
from jaxrl.models.hf_config import from_hf
from jaxrl.models.rope import frequencies
from jaxrl.models.weights import Weight, build, check_names, check_shape, table

_ROPE_FREQS = "rope_freqs.weight"


@dataclasses.dataclass(frozen=True)
class Arch:
  """A GGUF architecture: the model type it is, and how its file differs from HF's."""

  model_type: str
  interleaved: bool = False  # rows of q and k in interleaved rotary order
  norm_offset: float = 0.0  # what the file adds to the norms' scales
  # Gemma's 27B divides queries by sqrt(D / H) instead of sqrt(h); GGUF does not say
  # so, llama.cpp recognises the size by its layers, and so must every other reader.
  per_head_query_layers: int = 0


ARCHS = {
  "llama": Arch("llama", interleaved=True),
  "qwen2": Arch("qwen2"),
  "qwen3": Arch("qwen3"),
  "gemma2": Arch("gemma2", norm_offset=1.0, per_head_query_layers=46),
  "gemma3": Arch("gemma3_text", norm_offset=1.0, per_head_query_layers=62),
}


class _Reader(gguf.GGUFReader):
  """A GGUFReader that says by how much a file is too short, instead of reshaping."""

  def _build_tensors(self, start_offs, fields):
    expected = start_offs
    for field in fields:
      *_, dims, raw_dtype, offset = field.parts
      block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(raw_dtype[0])]
      end = start_offs + int(offset[0]) + int(np.prod(dims)) // block * size
      expected = max(expected, end)
    if len(self.data) < expected:
      raise ModelError(
        f"{self.data.filename}: cut off at {len(self.data)} of {expected} bytes; "
        "download it again"
      )
    super()._build_tensors(start_offs, fields)


def open_gguf(path: pathlib.Path) -> gguf.GGUFReader:
  """A reader, or a ModelError for a file that is none or is cut off."""
  try:
    return _Reader(path)
  except ModelError:
    raise
  except (ValueError, IndexError, UnicodeDecodeError) as error:
    size = path.stat().st_size
    raise ModelError(
      f"{path}: not a GGUF file, or cut off inside its header ({size} bytes: {error}); "
      "download it again"
    ) from error


def read_config(reader: gguf.GGUFReader) -> DecoderConfig:
  """The architecture that the file's metadata describe."""
  arch_name = _get(reader, "general.architecture")
  arch = ARCHS.get(arch_name)
  if arch is None:
    raise ModelError(
      f"gguf: architecture {arch_name!r} is not supported; there is {', '.join(ARCHS)}"
    )

  def get(key: str, default: Any = None) -> Any:
    return _get(reader, f"{arch_name}.{key}", default)

  tensors = {tensor.name: tensor for tensor in reader.tensors}
  if "token_embd.weight" not in tensors:
    raise ModelError("gguf: no tensor token_embd.weight; it holds no language model")
  width, heads = get("embedding_length"), get("attention.head_count")
  hf: dict[str, Any] = {
    "model_type": arch.model_type,
    "vocab_size": int(tensors["token_embd.weight"].shape[1]),
    "hidden_size": width,
    "intermediate_size": get("feed_forward_length"),
    "num_hidden_layers": get("block_count"),
    "num_attention_heads": heads,
    "num_key_value_heads": get("attention.head_count_kv", heads),
    "head_dim": get(
      "attention.key_length", width // heads if width and heads else None
    ),
    "max_position_embeddings": get("context_length"),
    # A float32 in the file: 9.999999747e-06 is meant as 1e-05.
    "rms_norm_eps": float(f"{get('attention.layer_norm_rms_epsilon', 1e-6):.6g}"),
    "tie_word_embeddings": "output.weight" not in tensors,
    "attention_bias": "blk.0.attn_output.bias" in tensors,
    "attn_logit_softcapping": get("attn_logit_softcapping"),
    "final_logit_softcapping": get("final_logit_softcapping"),
    "sliding_window": get("attention.sliding_window"),
    "sliding_window_pattern": get("attention.sliding_window_pattern"),
    "num_experts": get("expert_count"),
    "rope_theta": get("rope.freq_base"),
    "rope_local_base_freq": get("rope.freq_base_swa"),
    "rope_scaling": _rope_scaling(get),
    "bos_token_id": _get(reader, "tokenizer.ggml.bos_token_id"),
    "eos_token_id": _get(reader, "tokenizer.ggml.eos_token_id"),
    "pad_token_id": _get(reader, "tokenizer.ggml.padding_token_id"),
  }
  # What a file leaves out is the family's default, not "none".
  config = from_hf({key: value for key, value in hf.items() if value is not None})
  if config.query_scale is not None:  # a family where it is not always 1 / sqrt(h)
    wide = config.num_layers == arch.per_head_query_layers
    size = config.embed_dim // config.num_heads if wide else config.head_dim
    config = dataclasses.replace(config, query_scale=size**-0.5)
  if _ROPE_FREQS in tensors:
    rope = _llama3_rope(config, np.asarray(tensors[_ROPE_FREQS].data, np.float32))
    config = dataclasses.replace(config, rope=rope)
  return config


def read_params(reader: gguf.GGUFReader, config: DecoderConfig, source: str) -> Params:
  """The float32 parameter tree, dequantised one tensor at a time."""
  arch = ARCHS[_get(reader, "general.architecture")]
  tensors = {t.name: t for t in reader.tensors if t.name != _ROPE_FREQS}
  weights = table(config)
  expected = {w.gguf.format(layer): w for w in weights for layer in w.layers}
  check_names(tensors, expected, source)
  for name, weight in expected.items():
    shape = tensors[name].shape[::-1].tolist()
    check_shape(name, shape, weight.file_shape, source)

  def read(weight: Weight, layer: int) -> np.ndarray:
    tensor = tensors[weight.gguf.format(layer)]
    array = _dequantize(tensor, source)
    if weight.path[-1] == "scale":
      return array - arch.norm_offset
    heads = {"q": config.num_heads, "k": config.num_kv_heads}.get(weight.path[-2])
    return half_split(array, heads) if arch.interleaved and heads else array

  return build(weights, read)


def half_split(rows: np.ndarray, heads: int) -> np.ndarray:
  """Rows of q or k ([H * h, ...]) from interleaved to half-split rotary order."""
  split = rows.reshape(heads, -1, 2, *rows.shape[1:])
  return split.swapaxes(1, 2).reshape(rows.shape)


def _dequantize(tensor: gguf.ReaderTensor, source: str) -> np.ndarray:
  try:
    return gguf.quants.dequantize(tensor.data, tensor.tensor_type)
  except NotImplementedError as error:
    raise ModelError(
      f"{source}: tensor {tensor.name} has type {tensor.tensor_type.name}, which the "
      "gguf package cannot dequantise; use a Q8_0, Q4_1 or F16 file"
    ) from error


def _get(reader: gguf.GGUFReader, key: str, default: Any = None) -> Any:
  field = reader.fields.get(key)
  return default if field is None else field.contents()


def _rope_scaling(get) -> dict[str, Any] | None:
  kind = get("rope.scaling.type", "none")
  if kind == "none":
    return None
  return {
    "rope_type": kind,
    "factor": get("rope.scaling.factor"),
    "original_max_position_embeddings": get("rope.scaling.original_context_length"),
    "beta_fast": get("rope.scaling.yarn_beta_fast"),
    "beta_slow": get("rope.scaling.yarn_beta_slow"),
  }


def _llama3_rope(config: DecoderConfig, factors: np.ndarray) -> Rope:
  """The Llama 3 numbers that give a file's factors; they were not stored."""
  plain = config.rope
  rope = dataclasses.replace(plain, kind="llama3", factor=float(factors.max()))
  ratio = frequencies(plain, config.head_dim) / frequencies(rope, config.head_dim)
  if np.allclose(ratio, factors, rtol=1e-3):
    return rope
  raise ModelError(
    f"gguf: {_ROPE_FREQS} holds factors other than Llama 3's (low 1, high 4, original "
    "context 8192); use the Hugging Face directory of the model"
  )
