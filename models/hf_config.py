"""A Hugging Face `config.json` to a `DecoderConfig` and back.

The table FAMILIES is the only place where families have names. Reads the spelling of
transformers 4 (`rope_theta`, `rope_scaling`, `sliding_window_pattern`) and that of
transformers 5 (`rope_parameters`, `layer_types`); writes the former, which both open.
"""

import dataclasses
import math
from typing import Any

from jaxrl.models.config import DecoderConfig, Rope
from jaxrl.models.errors import ModelError
from jaxrl.models.rope import yarn_attention_factor

HFConfig = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Family:
  """What a model type implies without writing it into its config.json."""

  architecture: str
  fields: dict[str, Any]  # of DecoderConfig
  defaults: HFConfig  # of config.json keys that may be left out
  local_every: int = 1  # default pattern: layer i is full where (i + 1) % this == 0
  local_rope: bool = False  # local layers have rotary numbers of their own
  bias_keys: bool = True  # attention_bias is a key (and covers the output matrix)


_COMMON = {"rms_norm_eps": 1e-6, "rope_theta": 10000.0}
_GEMMA = {
  "vocab_size": 256000,
  "num_attention_heads": 8,
  "num_key_value_heads": 4,
  "head_dim": 256,
  "hidden_size": 2304,
  "intermediate_size": 9216,
  "num_hidden_layers": 26,
  "hidden_act": "gelu_pytorch_tanh",
  "max_position_embeddings": 8192,
  "sliding_window": 4096,
  "tie_word_embeddings": True,
  "query_pre_attn_scalar": 256,
  "pad_token_id": 0,
  "eos_token_id": 1,
  "bos_token_id": 2,
}
_GEMMA_FIELDS = {"norm_plus_one": True, "post_norms": True, "scale_embeddings": True}
_QWEN = {"max_position_embeddings": 32768, "max_window_layers": 28}

FAMILIES = {
  "llama": Family("LlamaForCausalLM", {}, {}),
  "mistral": Family(
    "MistralForCausalLM",
    {},
    {"sliding_window": 4096, "max_position_embeddings": 131072},
    bias_keys=False,
  ),
  "qwen2": Family("Qwen2ForCausalLM", {"qkv_bias": True}, _QWEN, bias_keys=False),
  "qwen3": Family("Qwen3ForCausalLM", {"qk_norm": True}, {**_QWEN, "head_dim": 128}),
  "gemma2": Family(
    "Gemma2ForCausalLM",
    _GEMMA_FIELDS,
    {**_GEMMA, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0},
    local_every=2,
  ),
  "gemma3_text": Family(
    "Gemma3ForCausalLM",
    {**_GEMMA_FIELDS, "qk_norm": True},
    {
      **_GEMMA,
      "vocab_size": 262208,
      "max_position_embeddings": 131072,
      "rope_theta": 1e6,
      "rope_local_base_freq": 10000.0,
    },
    local_every=6,
    local_rope=True,
  ),
}
_ACTIVATIONS = {"silu": "silu", "gelu_pytorch_tanh": "gelu_tanh"}
_TOKEN_IDS = ("bos_token_id", "eos_token_id", "pad_token_id")
_REQUIRED = (
  "vocab_size",
  "hidden_size",
  "intermediate_size",
  "num_hidden_layers",
  "num_attention_heads",
)


def from_hf(hf: HFConfig) -> DecoderConfig:
  """The architecture that a `config.json` describes, or a ModelError that says why not.

  Of a multimodal Gemma 3 it is the text model (`text_config`).
  """
  if hf.get("model_type") == "gemma3" and "text_config" in hf:
    outer = {key: hf[key] for key in _TOKEN_IDS if key in hf}
    hf = {"model_type": "gemma3_text", **outer, **hf["text_config"]}
  model_type = hf.get("model_type")
  family = FAMILIES.get(str(model_type))
  if family is None:
    raise ModelError(
      f"model config: model_type {model_type!r} is not supported; use a checkpoint of "
      f"one of {', '.join(FAMILIES)}"
    )
  # A null overrides a default: Mistral's "sliding_window": null means no window.
  merged = {**_COMMON, **family.defaults, **hf}
  hf = {key: value for key, value in merged.items() if value is not None}
  _refuse(hf)
  heads = hf["num_attention_heads"]
  rope, local_rope = _ropes(hf, family)
  local = _local_layers(hf, family)
  bias = family.bias_keys and bool(hf.get("attention_bias"))
  query_scalar = hf.get("query_pre_attn_scalar")
  return DecoderConfig(
    vocab_size=hf["vocab_size"],
    num_layers=hf["num_hidden_layers"],
    embed_dim=hf["hidden_size"],
    mlp_dim=hf["intermediate_size"],
    num_heads=heads,
    num_kv_heads=hf.get("num_key_value_heads") or heads,
    head_dim=hf.get("head_dim", hf["hidden_size"] // heads),
    max_positions=hf.get("max_position_embeddings", 2048),
    rms_norm_eps=hf["rms_norm_eps"],
    tie_embeddings=hf.get("tie_word_embeddings", False),
    activation=_ACTIVATIONS[_activation(hf)],
    out_bias=bias,
    mlp_bias=bool(hf.get("mlp_bias")),
    query_scale=None if query_scalar is None else query_scalar**-0.5,
    attention_softcap=hf.get("attn_logit_softcapping"),
    final_softcap=hf.get("final_logit_softcapping"),
    window=hf["sliding_window"] if any(local) else None,
    local_layers=local if any(local) else (),
    rope=rope,
    local_rope=local_rope,
    bos_id=_first(hf.get("bos_token_id")),
    eos_id=_first(hf.get("eos_token_id")),
    pad_id=_first(hf.get("pad_token_id")),
    model_type=str(model_type),
    **{"qkv_bias": bias, **family.fields},
  )


def to_hf(config: DecoderConfig) -> HFConfig:
  """The `config.json` of a checkpoint with this architecture."""
  family = FAMILIES[config.model_type]
  local = config.local_layers or (False,) * config.num_layers
  activation = next(k for k, v in _ACTIVATIONS.items() if v == config.activation)
  hf = {
    "architectures": [family.architecture],
    "model_type": config.model_type,
    "vocab_size": config.vocab_size,
    "hidden_size": config.embed_dim,
    "intermediate_size": config.mlp_dim,
    "num_hidden_layers": config.num_layers,
    "num_attention_heads": config.num_heads,
    "num_key_value_heads": config.num_kv_heads,
    "head_dim": config.head_dim,
    "hidden_act": activation,
    "hidden_activation": activation,
    "max_position_embeddings": config.max_positions,
    "rms_norm_eps": config.rms_norm_eps,
    "tie_word_embeddings": config.tie_embeddings,
    "attention_bias": config.out_bias,
    "mlp_bias": config.mlp_bias,
    "attn_logit_softcapping": config.attention_softcap,
    "final_logit_softcapping": config.final_softcap,
    "sliding_window": config.window,
    "use_sliding_window": any(local),
    "rope_theta": config.rope.theta,
    "rope_scaling": _scaling(config.rope),
    "bos_token_id": config.bos_id,
    "eos_token_id": config.eos_id,
    "pad_token_id": config.pad_id,
  }
  if family.local_every > 1 or "max_window_layers" in family.defaults:
    kinds = {True: "sliding_attention", False: "full_attention"}
    hf["layer_types"] = [kinds[layer] for layer in local]
  if config.query_scale is not None:
    scalar = config.query_scale**-2
    whole = math.isclose(scalar, round(scalar), rel_tol=1e-9)
    hf["query_pre_attn_scalar"] = round(scalar) if whole else scalar
  if config.local_rope is not None:
    hf["rope_local_base_freq"] = config.local_rope.theta
  return hf


def _refuse(hf: HFConfig) -> None:
  missing = [key for key in _REQUIRED if key not in hf]
  if missing:
    raise ModelError(f"model config: no {', '.join(missing)}; is the file complete?")
  if "quantization_config" in hf:
    raise ModelError(
      "model config: quantization_config is not supported; use the unquantised "
      "checkpoint, or a .gguf file"
    )
  if hf.get("use_bidirectional_attention"):
    raise ModelError(
      "model config: use_bidirectional_attention is an embedding model's; use a causal "
      "checkpoint"
    )
  if hf.get("num_experts") or hf.get("num_local_experts"):
    raise ModelError(
      "model config: mixture of experts is not supported; use a dense one"
    )
  if _activation(hf) not in _ACTIVATIONS:
    raise ModelError(
      f"model config: activation {_activation(hf)!r} is not supported; there is "
      f"{', '.join(_ACTIVATIONS)}"
    )


def _activation(hf: HFConfig) -> str:
  return str(hf.get("hidden_activation", hf.get("hidden_act", "silu")))


def _local_layers(hf: HFConfig, family: Family) -> tuple[bool, ...]:
  layers = range(hf["num_hidden_layers"])
  # use_sliding_window exists only where windows are off unless asked for (Qwen).
  if "sliding_window" not in hf or not hf.get(
    "use_sliding_window", "max_window_layers" not in hf
  ):
    return (False,) * len(layers)
  if "layer_types" in hf:
    unknown = set(hf["layer_types"]) - {"sliding_attention", "full_attention"}
    if unknown:
      raise ModelError(
        f"model config: layer_types {sorted(unknown)} are not supported; there is "
        "sliding_attention, full_attention"
      )
    return tuple(kind == "sliding_attention" for kind in hf["layer_types"])
  if "max_window_layers" in hf:
    return tuple(i >= hf["max_window_layers"] for i in layers)
  every = hf.get("sliding_window_pattern", family.local_every)
  return tuple(every == 1 or (i + 1) % every != 0 for i in layers)


def _ropes(hf: HFConfig, family: Family) -> tuple[Rope, Rope | None]:
  """The rotary numbers of the full layers, and of the local ones if they differ."""
  new = hf.get("rope_parameters", {})
  if "full_attention" in new:
    local = _rope(new["sliding_attention"], hf) if family.local_rope else None
    return _rope(new["full_attention"], hf), local
  numbers = hf.get("rope_scaling") or new
  rope = _rope({"rope_theta": hf["rope_theta"], **numbers}, hf)
  if not family.local_rope:
    return rope, None
  return rope, Rope(theta=float(hf["rope_local_base_freq"]))


def _rope(numbers: dict[str, Any], hf: HFConfig) -> Rope:
  numbers = {k: v for k, v in numbers.items() if v is not None}
  kind = numbers.get("rope_type", numbers.get("type", "default"))
  partial = numbers.get("partial_rotary_factor", hf.get("partial_rotary_factor", 1.0))
  if kind not in ("default", "linear", "llama3", "yarn") or partial != 1.0:
    raise ModelError(
      f"model config: rope type {kind!r} (partial_rotary_factor {partial}) is not "
      "supported; there is default, linear, llama3, yarn, each over the whole head"
    )
  theta = numbers["rope_theta"] if "rope_theta" in numbers else hf["rope_theta"]
  rope = Rope(theta=float(theta), kind=kind)
  if kind == "default":
    return rope
  names = {
    "factor": "factor",
    "low_freq_factor": "low_freq_factor",
    "high_freq_factor": "high_freq_factor",
    "original_max_position_embeddings": "original_max_positions",
    "beta_fast": "beta_fast",
    "beta_slow": "beta_slow",
    "attention_factor": "attention_factor",
    "truncate": "truncate",
  }
  found = {names[key]: value for key, value in numbers.items() if key in names}
  if "original_max_positions" not in found and kind != "linear":
    found["original_max_positions"] = hf["max_position_embeddings"]
  if kind == "yarn" and "attention_factor" not in found:
    weights = numbers.get("mscale", 0.0), numbers.get("mscale_all_dim", 0.0)
    weights = weights if all(weights) else (1.0, 0.0)
    found["attention_factor"] = yarn_attention_factor(found["factor"], *weights)
  return dataclasses.replace(rope, **found)


def _scaling(rope: Rope) -> dict[str, Any] | None:
  keys = {
    "default": (),
    "linear": ("factor",),
    "llama3": (
      "factor",
      "low_freq_factor",
      "high_freq_factor",
      "original_max_positions",
    ),
    "yarn": (
      "factor",
      "beta_fast",
      "beta_slow",
      "attention_factor",
      "truncate",
      "original_max_positions",
    ),
  }[rope.kind]
  if not keys:
    return None
  scaling = {"rope_type": rope.kind, **{key: getattr(rope, key) for key in keys}}
  if "original_max_positions" in scaling:
    positions = scaling.pop("original_max_positions")
    scaling["original_max_position_embeddings"] = positions
  return scaling


def _first(value: int | list[int] | None) -> int | None:
  return value[0] if isinstance(value, list) else value
