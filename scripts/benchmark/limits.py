"""How near a program comes to what its accelerator can do at best. Pure arithmetic."""

from collections.abc import Sequence
from typing import Any

# Peak memory bandwidth (bytes/s) and dense bfloat16 FLOP/s by what `device_kind` holds,
# from the vendors' data sheets. The longer name comes first: "v5p" before "v5".
DEVICES = {
  "h200": (4.8e12, 989e12),
  "h100": (3.35e12, 989e12),
  "a100": (2.0e12, 312e12),
  "v6 lite": (1.64e12, 918e12),
  "v6e": (1.64e12, 918e12),
  "v5 lite": (8.2e11, 197e12),
  "v5e": (8.2e11, 197e12),
  "v5p": (2.77e12, 459e12),
  "v5": (2.77e12, 459e12),
}


def peaks(device_kind: str) -> tuple[float, float] | None:
  """(bytes/s, FLOP/s) of a device, None where it is not in the table."""
  name = device_kind.lower()
  return next((found for key, found in DEVICES.items() if key in name), None)


def parameters(config: Any) -> int:
  """Parameters that are multiplied with every token: all but an untied embedding."""
  attention = config.embed_dim * config.head_dim
  attention *= 2 * config.num_heads + 2 * config.num_kv_heads
  layer = attention + 3 * config.embed_dim * config.mlp_dim
  return config.num_layers * layer + config.vocab_size * config.embed_dim


def decoding_bytes(config: Any, rows: int, lengths: tuple[int, int], size: int) -> int:
  """Bytes that all decoding steps have to read: weights once a step, the cache's rest.

  Args:
    config: a DecoderConfig.
    rows: sequences decoded together.
    lengths: tokens of a prompt, and decoding steps.
    size: bytes of a number.
  """
  prompt, steps = lengths
  key_values = 2 * config.num_layers * config.num_kv_heads * config.head_dim
  read = sum(prompt + step for step in range(steps)) * rows * key_values
  return size * (parameters(config) * steps + read)


def training_flops(config: Any, lengths: Sequence[int]) -> float:
  """Forward and backward of sequences of these lengths: 6N a token, and attention.

  Causal attention is half of 12 * layers * heads * head_dim * T^2 a sequence.
  """
  width = config.num_layers * config.num_heads * config.head_dim
  tokens, squares = sum(lengths), sum(n**2 for n in lengths)
  return 6.0 * parameters(config) * tokens + 6.0 * width * squares


def share(needed: float, seconds: float, peak: float) -> float:
  """Share of the peak that was reached."""
  return needed / seconds / peak


def _device() -> tuple[str, tuple[float, float] | None]:
  import jax  # here alone: the rest needs none

  if jax.default_backend() == "cpu":
    return "", None
  kind = jax.devices()[0].device_kind
  return kind, peaks(kind)


def of_decoding(config: Any, job: dict[str, Any], steps: int) -> dict[str, Any] | None:
  """What a sampling job has to read, and the device's bandwidth; None on a CPU.

  The time that it is set against has the prefill in it: the true share is higher.
  """
  kind, found = _device()
  if found is None:
    return None
  rows = len(job["prompt_ids"]) * job["group"]
  size = 2 if config.compute_dtype != "float32" else 4
  needed = decoding_bytes(config, rows, (job["prompt_tokens"], steps), size)
  return {"device": kind, "needed": needed, "peak": found[0], "of": "bandwidth"}


def of_training(config: Any, lengths: Sequence[int]) -> dict[str, Any] | None:
  """What a train step has to compute, and the device's peak; None on a CPU."""
  kind, found = _device()
  if found is None:
    return None
  needed = training_flops(config, lengths)
  return {"device": kind, "needed": needed, "peak": found[1], "of": "peak FLOP/s"}
