"""Low-rank adapters. Hu et al., https://arxiv.org/abs/2106.09685.

  y = x W + (alpha / rank) (x a) b,  a ~ N(0, 1 / in),  b = 0

The adapters are a collection of their own beside the parameters, so that only they
need gradients and optimiser state. The scale alpha / rank is the config's:

  lora = init_lora(params, key, rank=8, targets=("attn/(q|v)/",))
  config = dataclasses.replace(config, lora_scale=alpha / 8)
  hidden, _ = Decoder(config).apply({"params": params, "lora": lora}, tokens, positions)
"""

import difflib
import re
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec
from jaxtyping import Array

from jaxrl.models.decoder import Params
from jaxrl.models.errors import ModelError

_MATRICES = ("kernel", "embedding")


def init_lora(
  params: Params, key: Array, *, rank: int, targets: tuple[str, ...]
) -> Params:
  """Adapters for the matrices whose path matches one of the regexes `targets`.

  Paths are as in "layers/attn/q/kernel", "embed/embedding", "head/kernel"; a regex may
  match anywhere in one. For a matrix [.., in, out] there are a [.., in, rank] and
  b [.., rank, out] of zeros, so that training starts at the base model.
  """
  if rank < 1:
    raise ModelError(f"init_lora: rank {rank}; give 1 or more")
  matrices = _matrices(params)
  lora: Params = {}
  for target in targets:
    try:
      found = any(re.search(target, path) for path in matrices)
    except re.error as error:
      raise ModelError(
        f"init_lora: target {target!r} is not a regular expression: {error}; fix it"
      ) from error
    if not found:
      close = difflib.get_close_matches(target, matrices, n=3, cutoff=0.3)
      raise ModelError(
        f"init_lora: target {target!r} matches no matrix; near it: "
        f"{', '.join(close or sorted(matrices)[:3])}"
      )
  for path, matrix in matrices.items():
    if not any(re.search(target, path) for target in targets):
      continue
    *stack, size_in, size_out = matrix.shape
    key, use = jax.random.split(key)
    # A row of an embedding's `a` is an output itself; a kernel's is summed over inputs.
    terms = rank if path.endswith("embedding") else size_in
    spread = terms**-0.5
    a = jax.random.normal(use, (*stack, size_in, rank), jnp.float32) * spread
    b = jnp.zeros((*stack, rank, size_out), jnp.float32)
    _put(lora, path.split("/")[:-1], {"a": a, "b": b})
  return lora


def merge(params: Params, lora: Params, scale: float) -> Params:
  """The parameters with the adapters added in at `lora_scale`, for export."""
  if "a" in lora and "b" in lora:
    name = next(name for name in _MATRICES if name in params)
    added = scale * jnp.matmul(lora["a"], lora["b"], precision="highest")
    return {**params, name: params[name] + added}
  merged = dict(params)
  for part, inner in lora.items():
    merged[part] = merge(params[part], inner, scale)
  return merged


def lora_axes(axes: Params, lora: Params) -> Params:
  """Logical axes of the adapters, from those of the parameters; rank has none."""
  if "a" in lora and "b" in lora:
    *stack, axis_in, axis_out = next(axes[name] for name in _MATRICES if name in axes)
    return {
      "a": PartitionSpec(*stack, axis_in, None),
      "b": PartitionSpec(*stack, None, axis_out),
    }
  return {part: lora_axes(axes[part], inner) for part, inner in lora.items()}


def _matrices(params: Params) -> dict[str, Any]:
  found = {}
  for keys, leaf in jax.tree_util.tree_leaves_with_path(params):
    path = [key.key for key in keys]
    if path[-1] in _MATRICES:
      found["/".join(path)] = leaf
  return found


def _put(tree: Params, path: list[str], value: Params) -> None:
  for part in path[:-1]:
    tree = tree.setdefault(part, {})
  tree[path[-1]] = value
