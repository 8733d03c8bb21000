"""Rollouts with everything filled in, for tests of methods."""

import dataclasses

import jax.numpy as jnp
import numpy as np

from jaxrl.models.cache import EMPTY
from jaxrl.types import PolicyOutputs, Rollouts

GROUP = 4


def rollouts(seed=0, rows=8, width=7, off_policy=0.3):
  """(batch, outputs): ragged rows with an empty one, an unscored one, a flat group."""
  rng = np.random.default_rng(seed)
  length = rng.integers(1, width, size=rows)
  length[2] = 0  # an empty row
  prompt = np.repeat(rng.integers(1, 3, size=rows // GROUP), GROUP)
  t = np.arange(width + 2)[None]
  mask = ((t >= prompt[:, None]) & (t < (prompt + length)[:, None])).astype(np.float32)
  shape = mask.shape
  logp_old = -rng.exponential(size=shape)
  rewards = rng.integers(0, 3, size=rows) / 2
  rewards[GROUP : 2 * GROUP] = 0.1  # no spread
  rewards[0], rewards[1] = 0.0, 1.0  # spread
  scored = np.ones(rows)
  scored[3] = 0
  tokens = rng.integers(0, 9, size=shape).astype(np.int32)
  tokens[:, :2] = np.repeat(tokens[::GROUP, :2], GROUP, axis=0)  # the group's prompt
  fields = {
    "tokens": tokens,
    "prompt_tokens": prompt.astype(np.int32),
    "positions": np.where(t < (prompt + length)[:, None], t, EMPTY).astype(np.int32),
    "mask": mask,
    "group": (np.arange(rows) // GROUP).astype(np.int32),
    "truncated": rng.integers(0, 2, size=rows),
    "logp_old": logp_old,
    "logp_sampling": logp_old,
    "score": rewards,
    "formatted": rng.integers(0, 2, size=rows),
    "scored": scored,
    "rewards": rewards,
    "logp_ref": logp_old + rng.normal(scale=0.3, size=shape),
    "advantages": np.broadcast_to(rng.normal(size=(rows, 1)), shape),
  }
  batch = Rollouts(**{name: _array(x) for name, x in fields.items()})
  logp = logp_old + off_policy * rng.normal(size=shape)
  entropy = rng.exponential(size=shape)
  return batch, PolicyOutputs(logp=_array(logp), entropy=_array(entropy))


def _array(x):
  x = np.asarray(x)
  return jnp.asarray(x if x.dtype == np.int32 else x.astype(np.float32))


def poisoned(struct, mask, junk):
  """The struct with `junk` in every masked entry of its [B, T] float arrays."""
  changes = {}
  for field in dataclasses.fields(struct):
    value = getattr(struct, field.name)
    if value is None or value.shape != mask.shape or field.name == "mask":
      continue
    if jnp.issubdtype(value.dtype, jnp.floating):
      changes[field.name] = jnp.where(mask > 0, value, junk)
  return struct.replace(**changes)
