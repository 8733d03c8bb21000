"""Rotary position embeddings (Su et al., https://arxiv.org/abs/2104.09864).

Half-split convention, as in Hugging Face checkpoints: dimension i turns with
dimension i + h/2. Frequencies are numbers of the config, so NumPy computes them once.
"""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxrl.models.cache import EMPTY
from jaxrl.models.config import Rope


def frequencies(rope: Rope, head_dim: int) -> np.ndarray:
  """Radians per position of each of the `head_dim // 2` pairs, float32."""
  exponents = np.arange(0, head_dim, 2, dtype=np.float64) / head_dim
  base = rope.theta**-exponents
  stretch = {
    "default": lambda base, rope: base,
    "linear": lambda base, rope: base / rope.factor,
    "llama3": _llama3,
    "yarn": _yarn,
  }[rope.kind]
  return stretch(base, rope).astype(np.float32)


def rotation(
  rope: Rope, head_dim: int, positions: Int[Array, "B T"]
) -> tuple[Float[Array, "B T half"], Float[Array, "B T half"]]:
  """Cosines and sines of every position's angles, float32; EMPTY turns by 0."""
  # Nothing reads an EMPTY slot, but cos(2**30) is slow and differs between backends.
  positions = jnp.where(positions == EMPTY, 0, positions)
  angles = positions[..., None].astype(jnp.float32) * jnp.asarray(
    frequencies(rope, head_dim)[None, None]
  )
  return (
    jnp.cos(angles) * rope.attention_factor,
    jnp.sin(angles) * rope.attention_factor,
  )


def rotate(
  x: Float[Array, "B T heads h"],
  cos: Float[Array, "B T half"],
  sin: Float[Array, "B T half"],
) -> Float[Array, "B T heads h"]:
  """Turns every head's pairs by the angles, in float32; keeps x's dtype."""
  first, second = jnp.split(x.astype(jnp.float32), 2, axis=-1)
  cos, sin = cos[:, :, None], sin[:, :, None]
  turned = [first * cos - second * sin, second * cos + first * sin]
  return jnp.concatenate(turned, axis=-1).astype(x.dtype)


def _llama3(base: np.ndarray, rope: Rope) -> np.ndarray:
  """Long waves slow down by `factor`, short ones stay, those between are blended."""
  wavelength = 2 * np.pi / base
  turns = rope.original_max_positions / wavelength
  keep = (turns - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor)
  keep = np.clip(keep, 0, 1)
  return (1 - keep) * base / rope.factor + keep * base


def _yarn(base: np.ndarray, rope: Rope) -> np.ndarray:
  """NTK-by-parts, Peng et al., https://arxiv.org/abs/2309.00071, section 3.2."""
  head_dim = 2 * len(base)

  def pair_that_turns(times: float) -> float:
    ratio = rope.original_max_positions / (times * 2 * math.pi)
    return head_dim * math.log(ratio) / (2 * math.log(rope.theta))

  low, high = pair_that_turns(rope.beta_fast), pair_that_turns(rope.beta_slow)
  if rope.truncate:
    low, high = math.floor(low), math.ceil(high)
  low, high = max(low, 0), min(high, head_dim - 1)
  high = high + 0.001 if low == high else high
  slowed = np.clip((np.arange(len(base)) - low) / (high - low), 0, 1)
  return base / rope.factor * slowed + base * (1 - slowed)


def yarn_attention_factor(factor: float, mscale: float, mscale_all_dim: float) -> float:
  """The factor on cos and sin that YaRN checkpoints leave to be inferred."""

  def scale(weight: float) -> float:
    return 1.0 if factor <= 1 else 0.1 * weight * math.log(factor) + 1.0

  return scale(mscale) / scale(mscale_all_dim) if mscale_all_dim else scale(1.0)
