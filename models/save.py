"""`save(directory, ...)`: a Hugging Face directory that transformers opens."""

import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np
import safetensors.numpy

from jaxrl.models.config import DecoderConfig
from jaxrl.models.decoder import Params
from jaxrl.models.hf_config import to_hf
from jaxrl.models.tokenizer import Tokenizer
from jaxrl.models.weights import check_shape, table

_DTYPES = {
  "float32": np.dtype(np.float32),
  "float16": np.dtype(np.float16),
  "bfloat16": np.dtype(ml_dtypes.bfloat16),
}


def save(
  directory: str | pathlib.Path,
  config: DecoderConfig,
  params: Params,
  tokenizer: Tokenizer,
  *,
  dtype: str = "float32",
  max_shard_bytes: int = 5 * 10**9,
) -> None:
  """Writes config, weights, tokenizer and generation config; replaces a directory.

  All of it appears at once: whoever opens `directory` sees the old or the new one.
  """
  directory = pathlib.Path(directory).expanduser().absolute()
  directory.parent.mkdir(parents=True, exist_ok=True)
  parent, prefix = directory.parent, f".{directory.name}."
  with tempfile.TemporaryDirectory(dir=parent, prefix=prefix) as scratch:
    new = pathlib.Path(scratch) / "new"
    new.mkdir()
    _write_json(new / "config.json", {**to_hf(config), "dtype": dtype})
    tokenizer.save(new)
    _write_weights(new, config, params, _DTYPES[dtype], max_shard_bytes)
    if directory.exists():
      os.rename(directory, pathlib.Path(scratch) / "old")
    os.rename(new, directory)


def _write_weights(
  directory: pathlib.Path,
  config: DecoderConfig,
  params: Params,
  dtype: np.dtype,
  max_shard_bytes: int,
) -> None:
  shards: list[tuple[pathlib.Path, list[str]]] = []
  for shard in _shards(_tensors(config, params, dtype), max_shard_bytes):
    path = directory / f"part-{len(shards)}"
    safetensors.numpy.save_file(shard, path, metadata={"format": "pt"})
    shards.append((path, list(shard)))
  if len(shards) == 1:
    shutil.move(shards[0][0], directory / "model.safetensors")
    return
  weight_map: dict[str, str] = {}
  for index, (path, names) in enumerate(shards):
    file = f"model-{index + 1:05}-of-{len(shards):05}.safetensors"
    os.rename(path, directory / file)
    weight_map |= dict.fromkeys(names, file)
  total = sum(path.stat().st_size for path in directory.glob("*.safetensors"))
  _write_json(
    directory / "model.safetensors.index.json",
    {"metadata": {"total_size": total}, "weight_map": weight_map},
  )


def _tensors(
  config: DecoderConfig, params: Params, dtype: np.dtype
) -> Iterator[tuple[str, np.ndarray]]:
  """Every tensor as a file wants it; one leaf at a time leaves the device."""
  for weight in table(config):
    leaf: Any = params
    for part in weight.path:
      leaf = leaf[part]
    check_shape("/".join(weight.path), leaf.shape, weight.shape, "save")
    host = np.asarray(leaf)
    for layer in weight.layers:
      array = host[layer] if weight.stacked else host
      array = array.T if weight.transposed else array
      yield weight.hf.format(layer), np.ascontiguousarray(array.astype(dtype))


def _shards(
  tensors: Iterator[tuple[str, np.ndarray]], max_shard_bytes: int
) -> Iterator[dict[str, np.ndarray]]:
  shard: dict[str, np.ndarray] = {}
  size = 0
  for name, array in tensors:
    if shard and size + array.nbytes > max_shard_bytes:
      yield shard
      shard, size = {}, 0
    shard[name] = array
    size += array.nbytes
  yield shard


def _write_json(path: pathlib.Path, value: dict) -> None:
  path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")
