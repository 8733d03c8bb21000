"""Config and weights of a Hugging Face directory with safetensors."""

import contextlib
import json
import pathlib
import re
import struct
from typing import Any

import numpy as np
import safetensors

from jaxrl.models.config import DecoderConfig
from jaxrl.models.decoder import Params
from jaxrl.models.errors import ModelError
from jaxrl.models.weights import Weight, build, check_names, check_shape, table

_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"
_DTYPES = ("F32", "F16", "BF16")
# Parts of multimodal checkpoints that a text model leaves out, and stored constants.
_IGNORED = re.compile(r"vision_tower|multi_modal_projector|rotary_emb\.inv_freq$")


def read_json(path: pathlib.Path) -> dict[str, Any]:
  """A JSON file that has to be there."""
  if not path.is_file():
    raise ModelError(f"{path}: no such file; is {path.parent} a complete HF directory?")
  try:
    return json.loads(path.read_text(encoding="utf-8"))
  except ValueError as error:
    raise ModelError(f"{path}: not JSON ({error}); download it again") from error


def read_params(directory: pathlib.Path, config: DecoderConfig) -> Params:
  """The float32 parameter tree, read one tensor at a time."""
  weights = table(config)
  expected = {w.hf.format(layer): w for w in weights for layer in w.layers}
  with contextlib.ExitStack() as stack:
    handles = _open_shards(directory, stack)
    if config.tie_embeddings:
      handles.pop("lm_head.weight", None)  # some save the same matrix twice
    check_names(handles, expected, str(directory))
    for name, weight in expected.items():
      handle, stored_name = handles[name]
      part = handle.get_slice(stored_name)
      check_shape(name, part.get_shape(), weight.file_shape, str(directory))
      if part.get_dtype() not in _DTYPES:
        raise ModelError(
          f"{directory}: tensor {name} is {part.get_dtype()}; there is "
          f"{', '.join(_DTYPES)}, so use the unquantised checkpoint"
        )

    def read(weight: Weight, layer: int) -> np.ndarray:
      handle, stored_name = handles[weight.hf.format(layer)]
      return handle.get_tensor(stored_name)

    return build(weights, read)


def _open_shards(directory: pathlib.Path, stack: contextlib.ExitStack):
  """Maps each tensor's name to (open file, name in that file)."""
  names = [_SINGLE]
  if (directory / _INDEX).is_file():
    names = sorted(set(read_json(directory / _INDEX)["weight_map"].values()))
  handles = {}
  for file in (directory / name for name in names):
    handle = stack.enter_context(_open(file))
    for name in handle.keys():  # noqa: SIM118
      if not _IGNORED.search(name):
        # Multimodal checkpoints nest the text model one level deeper.
        handles[name.replace("language_model.", "", 1)] = handle, name
  return handles


def _open(path: pathlib.Path):
  if not path.is_file():
    raise ModelError(
      f"{path}: no such file; only safetensors are read, so convert a .bin checkpoint "
      "or complete the download"
    )
  try:
    return safetensors.safe_open(path, framework="numpy")
  except safetensors.SafetensorError as error:
    size, expected = path.stat().st_size, _expected_size(path)
    problem = (
      f"cut off at {size} of {expected} bytes"
      if expected is not None and size < expected
      else f"not a safetensors file ({size} bytes: {error})"
    )
    raise ModelError(f"{path}: {problem}; download it again") from error


def _expected_size(path: pathlib.Path) -> int | None:
  """The size that the header announces; None where the header itself is cut off."""
  with path.open("rb") as file:
    start = file.read(8)
    if len(start) < 8:
      return None
    (header_size,) = struct.unpack("<Q", start)
    if header_size > path.stat().st_size:
      return None
    try:
      header = json.loads(file.read(header_size))
    except ValueError:
      return None
  ends = [v["data_offsets"][1] for k, v in header.items() if k != "__metadata__"]
  return 8 + header_size + max(ends, default=0)
