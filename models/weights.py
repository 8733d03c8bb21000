"""Every parameter of a decoder, with its name in Hugging Face and in GGUF files.

One table: init, loading, checking and saving are each a loop over it.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxrl.models.config import DecoderConfig
from jaxrl.models.decoder import Params, shapes
from jaxrl.models.errors import ModelError

# Part of the tree -> names outside; `{}` is the layer. A kernel [in, out] is a
# `.weight` [out, in] outside.
_NAMES = {
  "embed": ("model.embed_tokens", "token_embd"),
  "norm": ("model.norm", "output_norm"),
  "head": ("lm_head", "output"),
  "layers/attn/q": ("model.layers.{}.self_attn.q_proj", "blk.{}.attn_q"),
  "layers/attn/k": ("model.layers.{}.self_attn.k_proj", "blk.{}.attn_k"),
  "layers/attn/v": ("model.layers.{}.self_attn.v_proj", "blk.{}.attn_v"),
  "layers/attn/o": ("model.layers.{}.self_attn.o_proj", "blk.{}.attn_output"),
  "layers/attn/q_norm": ("model.layers.{}.self_attn.q_norm", "blk.{}.attn_q_norm"),
  "layers/attn/k_norm": ("model.layers.{}.self_attn.k_norm", "blk.{}.attn_k_norm"),
  "layers/attn_norm": ("model.layers.{}.input_layernorm", "blk.{}.attn_norm"),
  "layers/mlp_norm": ("model.layers.{}.post_attention_layernorm", "blk.{}.ffn_norm"),
  "layers/mlp/gate": ("model.layers.{}.mlp.gate_proj", "blk.{}.ffn_gate"),
  "layers/mlp/up": ("model.layers.{}.mlp.up_proj", "blk.{}.ffn_up"),
  "layers/mlp/down": ("model.layers.{}.mlp.down_proj", "blk.{}.ffn_down"),
}
_POST_NORM_NAMES = {  # with them, post_attention_layernorm means something else
  "layers/post_attn_norm": (
    "model.layers.{}.post_attention_layernorm",
    "blk.{}.post_attention_norm",
  ),
  "layers/mlp_norm": ("model.layers.{}.pre_feedforward_layernorm", "blk.{}.ffn_norm"),
  "layers/post_mlp_norm": (
    "model.layers.{}.post_feedforward_layernorm",
    "blk.{}.post_ffw_norm",
  ),
}


@dataclasses.dataclass(frozen=True)
class Weight:
  """One leaf of the parameter tree, stacked [L, ...] where `stacked`."""

  path: tuple[str, ...]
  shape: tuple[int, ...]
  hf: str
  gguf: str

  @property
  def stacked(self) -> bool:
    """Whether the leaf holds one array per layer."""
    return self.path[0] == "layers"

  @property
  def transposed(self) -> bool:
    """Whether files hold it output-dimension first."""
    return self.path[-1] == "kernel"

  @property
  def file_shape(self) -> tuple[int, ...]:
    """The shape of one layer's array in a file."""
    shape = self.shape[1:] if self.stacked else self.shape
    return shape[::-1] if self.transposed else shape

  @property
  def layers(self) -> range:
    """The layers to fill; a single one where nothing is stacked."""
    return range(self.shape[0] if self.stacked else 1)


def table(config: DecoderConfig) -> list[Weight]:
  """All weights of the architecture."""
  names = {**_NAMES, **(_POST_NORM_NAMES if config.post_norms else {})}
  weights = []
  for path, shape in _leaves(shapes(config)):
    hf, gguf = names["/".join(path[:-1])]
    end = ".bias" if path[-1] == "bias" else ".weight"
    weights.append(Weight(path, shape, hf + end, gguf + end))
  return weights


def build(
  weights: Iterable[Weight],
  read: Callable[[Weight, int], np.ndarray],
) -> Params:
  """The float32 parameter tree; `read(weight, layer)` gives one file array.

  One leaf at a time is held twice, never the whole model.
  """
  params: dict[str, Any] = {}
  for weight in weights:
    leaf = np.empty(weight.shape, np.float32)
    for layer in weight.layers:
      array = read(weight, layer)
      array = array.T if weight.transposed else array
      leaf[layer if weight.stacked else ...] = array
    node = params
    for part in weight.path[:-1]:
      node = node.setdefault(part, {})
    node[weight.path[-1]] = jnp.asarray(leaf)
  return params


def check_shape(name: str, got: Iterable[int], expected: tuple[int, ...], where: str):
  """ModelError unless a file's tensor has the shape that the config implies."""
  got = tuple(int(size) for size in got)
  if got != expected:
    raise ModelError(
      f"{where}: tensor {name} has shape {got}, the config says {expected}; the "
      "weights and the config are of different models"
    )


def check_names(found: Iterable[str], expected: Iterable[str], where: str) -> None:
  """ModelError unless a file has exactly the tensors that the config implies."""
  found, expected = set(found), set(expected)
  for what, names in (("lacks", expected - found), ("has unknown", found - expected)):
    if names:
      some = ", ".join(sorted(names)[:4]) + (", ..." if len(names) > 4 else "")
      raise ModelError(
        f"{where}: {what} {len(names)} tensor(s): {some}; the weights and the config "
        "are of different models, or the download is incomplete"
      )


def _leaves(tree: Params, path: tuple[str, ...] = ()):
  for key in sorted(tree):
    if isinstance(tree[key], dict):
      yield from _leaves(tree[key], (*path, key))
    else:
      yield (*path, key), tuple(tree[key].shape)
