"""What distinguishes one decoder-only family from another, as data.

No code in `models` asks for a family's name: a family is a set of field values, and
`hf_config.py` has the table that turns a Hugging Face `config.json` into them.
"""

import dataclasses

import jax

from jaxrl.models.errors import ModelError

ROPE_KINDS = ("default", "linear", "llama3", "yarn")
ACTIVATIONS = ("silu", "gelu_tanh")
REMAT_POLICIES = ("none", "full", "dots")
COMPUTE_DTYPES = ("float32", "bfloat16", "float16")


def row_layout_default() -> bool:
  """Whether the backend in use wants `DecoderConfig.row_layout`: the CPU does."""
  return jax.default_backend() == "cpu"


def _one_of(what: str, value: str, known: tuple[str, ...]) -> None:
  if value not in known:
    raise ModelError(f"DecoderConfig: {what} {value!r}; choose from {', '.join(known)}")


@dataclasses.dataclass(frozen=True)
class Rope:
  """Rotary embedding: base frequency, and how it is stretched to longer contexts.

  `linear` reads `factor`; `llama3` also the two frequency factors and
  `original_max_positions`; `yarn` also the betas, `attention_factor` (the factor on
  cos and sin, already resolved) and `truncate`.
  """

  theta: float = 10000.0
  kind: str = "default"
  factor: float = 1.0
  low_freq_factor: float = 1.0
  high_freq_factor: float = 4.0
  original_max_positions: int = 8192
  beta_fast: float = 32.0
  beta_slow: float = 1.0
  attention_factor: float = 1.0
  truncate: bool = True

  def __post_init__(self):
    _one_of("rope kind", self.kind, ROPE_KINDS)


@dataclasses.dataclass(frozen=True)
class DecoderConfig:
  """A decoder-only transformer. Hashable, so that it can be a static jit argument."""

  vocab_size: int
  num_layers: int
  embed_dim: int
  mlp_dim: int
  num_heads: int
  num_kv_heads: int
  head_dim: int
  max_positions: int = 2048
  rms_norm_eps: float = 1e-6
  tie_embeddings: bool = True
  activation: str = "silu"
  qkv_bias: bool = False
  out_bias: bool = False
  mlp_bias: bool = False
  qk_norm: bool = False  # RMS norm of each head's query and key (Qwen 3, Gemma 3)
  norm_plus_one: bool = False  # the norm's factor is 1 + scale (Gemma)
  post_norms: bool = False  # a norm on each block's output too (Gemma 2 and 3)
  scale_embeddings: bool = False  # by sqrt(embed_dim) (Gemma)
  query_scale: float | None = None  # None: head_dim ** -0.5
  attention_softcap: float | None = None
  final_softcap: float | None = None
  window: int | None = None  # keys that a local layer sees, the query's own included
  local_layers: tuple[bool, ...] = ()  # per layer; (): none is local
  rope: Rope = Rope()
  local_rope: Rope | None = None  # None: local layers use `rope` too
  bos_id: int | None = None
  eos_id: int | None = None
  pad_id: int | None = None
  model_type: str = "llama"  # what an export calls it

  # How to run it. None of these changes what is computed, beyond rounding.
  compute_dtype: str = "float32"
  remat: str = "none"
  row_layout: bool = dataclasses.field(default_factory=row_layout_default)

  lora_scale: float = 1.0  # alpha / rank of the adapters, where there are any

  def __post_init__(self):
    _one_of("activation", self.activation, ACTIVATIONS)
    _one_of("remat", self.remat, REMAT_POLICIES)
    _one_of("compute_dtype", self.compute_dtype, COMPUTE_DTYPES)
    if self.num_heads % self.num_kv_heads:
      raise ModelError(
        f"DecoderConfig: {self.num_heads} heads cannot share {self.num_kv_heads} kv "
        "heads; num_heads has to be a multiple of num_kv_heads"
      )
    if self.head_dim % 2:
      raise ModelError(
        f"DecoderConfig: head_dim {self.head_dim} is odd; rotary embeddings need pairs"
      )
    if self.local_layers and len(self.local_layers) != self.num_layers:
      raise ModelError(
        f"DecoderConfig: local_layers has {len(self.local_layers)} entries; give one "
        f"for each of the {self.num_layers} layers, or ()"
      )
    if any(self.local_layers) and (self.window is None or self.window < 1):
      raise ModelError(
        f"DecoderConfig: local layers with window {self.window}; set it to 1 or more"
      )
