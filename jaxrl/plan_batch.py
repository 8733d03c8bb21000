"""The batches of a run as shapes, the largest: prompts and responses at full length."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl import prompts, replay
from jaxrl.build import Run
from jaxrl.config import Config
from jaxrl.explore.recorded import rows_of
from jaxrl.prm.known_outcomes import known_outcomes
from jaxrl.types import Rollouts, Tree

Shape = jax.ShapeDtypeStruct
RECORDS = ("recorded", "demonstrations")  # rules of `explore` that sample nothing


def records(config: Config) -> bool:
  """Whether the rows of a batch are a file's, and not the policy's samples."""
  return config.explore["name"] in RECORDS


def prompt_width(config: Config) -> int:
  """Tokens of padded prompts, at most."""
  bucket = config.sampling.prompt_bucket_tokens
  return -(-config.sampling.max_prompt_tokens // bucket) * bucket


def recorded(run: Run) -> Rollouts:
  """The batch as a rule of `explore` gives it that samples nothing.

  That of the first problems is made, for its fields.
  """
  config = run.config
  first, n = run.curriculum.init(), config.prompts_per_step
  problems, _ = run.curriculum.draw(first, n)
  key, size = jax.random.key(0), config.group_size
  return widest(config, run.explore(run, None, None, problems, key, size, 0).batch)


def known(run: Run) -> tuple[Rollouts, ...]:
  """The rows of known outcomes, of the first step after which weights of rows move."""
  step = run.config.meta_after + run.config.meta_every
  if step > run.config.steps:
    return ()
  rows = known_outcomes(run, step)
  return () if rows is None else (widest(run.config, rows),)


def held_out(run: Run) -> Rollouts:
  """Rows of labelled solutions, as they are evaluated."""
  rows, problem = run.config.evaluation.batch_rows, run.task.test[0]
  one = problem.data["solutions"][0]
  return widest(run.config, rows_of(run, [problem] * rows, [one] * rows, train="steps"))


def widest(config: Config, batch: Rollouts) -> Rollouts:
  """The batch with its longest prompt as long as prompts may be."""
  width = prompt_width(config) + config.sampling.max_response_tokens
  return jax.eval_shape(lambda batch: prompts.widen(batch, width), batch)


def filled_in(run: Run, batch: Rollouts) -> Rollouts:
  """The batch with what takes a model to make."""
  by_token, rows = batch.mask, batch.score
  names = ("logp_ref", "noise", "prm_log_ratio")
  more: dict[str, Any] = {name: by_token for name in names if name in run.needs}
  more |= {f"{name}_old": by_token for name in run.rescored}
  if run.prm is not None and "prm_log_ratio" not in run.needs:
    more |= {"steps": Shape(by_token.shape, jnp.int32)}
    more |= {"step_scores": by_token, "step_scored": by_token}
  if "greedy_rewards" in run.needs:
    more["greedy_rewards"] = rows
  if "reference_rewards" in run.needs:
    samples = run.config.reference_samples
    more["reference_rewards"] = Shape((*rows.shape, samples), rows.dtype)
  return dataclasses.replace(batch, **more)


def credited(run: Run, batch: Rollouts) -> Rollouts:
  """The batch with all that `collect` adds to it."""
  batch = filled_in(run, batch)
  rows, by_token = batch.score, batch.mask
  more: dict[str, Any] = {
    "drawn": by_token,
    "reward_parts": Shape((*rows.shape, len(run.credit.rewards)), rows.dtype),
    "token_rewards": by_token,
    "rewards": rows,
    "advantages": by_token,
  }
  if run.credit.value_target is not None:
    more["returns"] = by_token
  return dataclasses.replace(batch, **more)


def replayed(config: Config, batch: Rollouts) -> tuple[Rollouts, Tree]:
  """The batch as the update gets it, and the buffer of kept groups."""
  if config.replay_groups == 0:
    return batch, None
  size = config.group_size

  def exchanged(batch: Rollouts) -> tuple[Rollouts, Rollouts]:
    kept = replay.empty(batch, config.replay_groups, size)
    return replay.exchange(kept, batch, size=size)

  kept, batch = jax.eval_shape(exchanged, widest(config, batch))
  return batch, kept


def packed(run: Run, batch: Rollouts) -> Rollouts:
  """The batch with its packing."""
  rows = batch.tokens.shape[0]
  # Made on the host, of arrays that are there; its shapes do not depend on the mask.
  empty: dict[str, Any] = {
    "mask": np.zeros(batch.mask.shape, bool),
    "prompt_tokens": np.ones(rows, np.int32),
    "group": np.arange(rows, dtype=np.int32) // run.config.group_size,
  }
  packing = run.packed(dataclasses.replace(batch, **empty)).packing
  shapes = jax.tree.map(lambda x: Shape(x.shape, x.dtype), packing)
  return dataclasses.replace(batch, packing=shapes)
