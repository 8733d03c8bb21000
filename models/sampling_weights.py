"""Weights as the sampler reads them: in the compute dtype, or rounded to int8.

Every step of decoding reads every matrix once, so their bytes are its time. Cast once a
batch instead of once a step; the numbers are the same, as `Linear` casts anyway.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import traverse_util

from jaxrl.models.cache import quantized
from jaxrl.models.config import DecoderConfig

_MATRICES = ("kernel", "embedding", "bias", "a", "b")


def in_compute_dtype(variables: Any, config: DecoderConfig) -> Any:
  """Matrices in the compute dtype; what is read in float32, as norms are, stays."""

  def cast(path: tuple[Any, ...], x: jax.Array) -> jax.Array:
    whole = not jnp.issubdtype(x.dtype, jnp.floating)
    return (
      x if whole or path[-1].key not in _MATRICES else x.astype(config.compute_dtype)
    )

  return jax.tree_util.tree_map_with_path(cast, variables)


def in_int8(variables: Any, config: DecoderConfig) -> Any:
  """Matrices as int8 with a scale an output, in the collection `scales`.

  w[i, o] is about int8[i, o] * scale[o], where scale[o] is the largest |w[:, o]| / 127;
  of the embedding, an output is a token. Adapters and biases keep the compute dtype.
  """
  flat = traverse_util.flatten_dict(variables["params"])
  scales = {}
  for path, x in flat.items():
    if path[-1] == "embedding":
      flat[path], scales[path] = quantized(x)
    elif path[-1] == "kernel":
      whole, scales[path] = quantized(jnp.swapaxes(x, -1, -2))
      flat[path] = jnp.swapaxes(whole, -1, -2)
  rest = {name: tree for name, tree in variables.items() if name != "params"}
  rest["params"] = traverse_util.unflatten_dict(flat)
  small = in_compute_dtype(rest, config)
  return small | {"scales": traverse_util.unflatten_dict(scales)}
