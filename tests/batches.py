"""Rollouts with everything filled in, for tests of methods."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl.models.cache import EMPTY
from jaxrl.types import PolicyOutputs, Rollouts

GROUP = 4


def rollouts(seed=0, rows=8, width=7, off_policy=0.3, group=GROUP):
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
    "group": (np.arange(rows) // group).astype(np.int32),
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
  logp = logp_old + off_policy * rng.normal(size=shape)
  entropy = rng.exponential(size=shape)
  fields |= _more(np.random.default_rng(seed + 100), fields, off_policy)
  fields |= _process(np.random.default_rng(seed + 200), mask)
  batch = Rollouts(**{name: _array(x) for name, x in fields.items()})
  outputs = {
    "logp": logp,
    "entropy": entropy,
    "collision": rng.uniform(0.1, 0.9, size=shape),
    "values": fields["values_old"] + 0.2 * rng.normal(size=shape),
    "log_partition": np.repeat(rng.normal(size=(rows // GROUP, 1)), GROUP, axis=0)
    + np.zeros(shape),
  }
  return batch, PolicyOutputs(**{name: _array(x) for name, x in outputs.items()})


def _more(rng, fields, off_policy):
  """What only some methods name."""
  mask, logp_old, rewards = fields["mask"], fields["logp_old"], fields["rewards"]
  shape = mask.shape
  # The reward at the last token, and a term on every token, as a KL penalty is.
  last = (np.cumsum(mask[:, ::-1], axis=1)[:, ::-1] == 1) * mask
  token_rewards = rewards[:, None] * last
  return {
    "logp_sampling": logp_old + off_policy * rng.normal(size=shape),
    "text_rewards": rng.uniform(size=(shape[0], 2)),
    "entropy_old": rng.exponential(size=shape),
    "collision_old": rng.uniform(0.1, 0.9, size=shape),
    "values_old": rng.normal(size=shape),
    "noise": rng.uniform(size=shape),
    "greedy_rewards": np.repeat(rng.integers(0, 2, size=shape[0] // GROUP), GROUP),
    "reference_rewards": np.repeat(
      rng.integers(0, 2, size=(shape[0] // GROUP, 3)), GROUP, axis=0
    ),
    "drawn": mask,
    "reward_parts": np.stack([rewards / 2, rng.uniform(size=shape[0])], axis=1),
    "token_rewards": token_rewards,
    "returns": rng.normal(size=shape),
    "logp_now": logp_old + off_policy * rng.normal(size=shape),
    "correction": rng.uniform(size=shape),
  }


def _process(rng, mask):
  """Steps and their scores: 1 to 4 a row, some without a score, some rows without any.

  Scores stand on all tokens: who reads one that is no step's sees it.
  """
  steps = np.full(mask.shape, -1, np.int32)
  scored = np.zeros(mask.shape)
  for i, row in enumerate(mask):
    tokens = np.flatnonzero(row)
    if not len(tokens):
      continue
    cuts = rng.permutation(np.arange(1, len(tokens)))[: rng.integers(0, 4)]
    steps[i, tokens] = np.sum(np.arange(len(tokens))[:, None] >= cuts, axis=1)
    ends = tokens[[*(np.sort(cuts) - 1), -1]]
    scored[i, ends] = (rng.uniform(size=len(ends)) < 0.8) * (i % 8 != 5)
  return {
    "steps": steps,
    "step_scores": rng.uniform(size=mask.shape),
    "step_scored": scored,
    "prm_log_ratio": rng.normal(scale=0.5, size=mask.shape),
    "step_labels": rng.uniform(size=mask.shape),
    "step_labelled": rng.integers(0, 2, size=mask.shape),
  }


def responses(*rows, score=None, tokens=2, group=None, **fields):
  """Responses by the scores of their steps; None: a step without one.

  Each step has `tokens` tokens, a number or one for each step of each row.
  """
  count = len(rows)
  if isinstance(tokens, int):
    tokens = [[tokens] * len(row) for row in rows]
  width = max(sum(lengths) for lengths in tokens)
  steps = np.full((count, width), -1, np.int32)
  scores, scored = np.zeros((count, width)), np.zeros((count, width))
  for i, row in enumerate(rows):
    numbers = np.repeat(np.arange(len(row)), tokens[i])
    steps[i, : len(numbers)] = numbers
    for k, (end, one) in enumerate(zip(np.cumsum(tokens[i]), row, strict=True)):
      assert steps[i, end - 1] == k
      if one is not None:
        scores[i, end - 1], scored[i, end - 1] = one, 1.0
  floats = {
    "mask": steps >= 0,
    "score": np.zeros(count) if score is None else score,
    "rewards": np.zeros(count) if score is None else score,
    "scored": np.ones(count),
    "step_scores": scores,
    "step_scored": scored,
    **fields,
  }
  empty = dict.fromkeys(
    ("tokens", "positions", "prompt_tokens", "truncated", "logp_old", "logp_sampling")
  )
  return Rollouts(
    **empty,
    formatted=None,
    steps=jnp.asarray(steps),
    group=jnp.asarray(np.zeros(count) if group is None else group, jnp.int32),
    **{name: jnp.asarray(x, "float32") for name, x in floats.items()},
  )


def several():
  """Batches that differ in what trips methods up, by name."""
  alone, outputs = rollouts(1, group=1)
  unscored, _ = rollouts(2)
  dense, dense_outputs = rollouts(3)  # one shape for all: operations are compiled once
  rng = np.random.default_rng(9)
  return {
    "ragged": rollouts(0),
    "groups_of_one": (alone, outputs),
    "none_scored": (unscored.replace(scored=jnp.zeros_like(unscored.scored)), outputs),
    "token_credit": (
      dense.replace(
        advantages=_array(rng.normal(size=dense.mask.shape)),
        token_rewards=_array(rng.normal(size=dense.mask.shape)) * dense.mask,
        # Masked tokens amid the response, as a tool's answer would be.
        mask=dense.mask.at[:, 3].set(0.0),
      ),
      dense_outputs,
    ),
    "far_off_policy": rollouts(4, off_policy=1.0),
  }


def _array(x):
  x = np.asarray(x)
  return jnp.asarray(x if x.dtype == np.int32 else x.astype(np.float32))


def poisoned(struct, mask, junk):
  """The struct with `junk` in every masked entry of its [B, T] float arrays."""
  changes = {}
  for field in dataclasses.fields(struct):
    value = getattr(struct, field.name)
    if not isinstance(value, jax.Array) or value.shape != mask.shape:
      continue
    if field.name in ("mask", "drawn"):
      continue
    if jnp.issubdtype(value.dtype, jnp.floating):
      changes[field.name] = jnp.where(mask > 0, value, junk)
  return struct.replace(**changes)
