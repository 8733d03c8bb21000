"""jaxrl's side: `build` for the parts, `fit` for the whole step."""

import dataclasses
import pathlib
import shutil
from importlib import metadata
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrl import draw, loop
from jaxrl.build import build
from jaxrl.config import (
  Config,
  EvaluationConfig,
  ModelConfig,
  OutputConfig,
  SamplingConfig,
  resolve,
)
from jaxrl.metrics import METRICS, read_jsonl
from jaxrl.models.cache import EMPTY
from jaxrl.pick import load_file
from jaxrl.types import Rollouts
from scripts.benchmark import limits
from scripts.benchmark.steps import step_times
from scripts.benchmark.table import WARM_UPS

# What was fastest on 2 cores: small, as a part that is not full costs what a full one
# does; but each part adds to all gradients, which is more to do than the rest where
# parts are a small model's.
MICRO_BATCH_TOKENS = {"5m": 544, "smollm2": 256}
TASK = str(pathlib.Path(__file__).with_name("task.py"))


def config_of(job: dict[str, Any]) -> Config:
  """GRPO as published, with the job's sizes; what is not named is jaxrl's default."""
  longest = job["prompt_tokens"] + job["response_tokens"]
  return resolve(
    Config(
      name="benchmark",
      steps=job["steps"],
      prompts_per_step=job["prompts_per_step"],
      group_size=job["group"],
      micro_batch_tokens=max(MICRO_BATCH_TOKENS[job["model"]], longest),
      max_grad_norm=job["max_grad_norm"],
      model=ModelConfig(path=job["directory"], chat=job["chat"]),
      sampling=SamplingConfig(
        max_prompt_tokens=job["prompt_tokens"],
        max_response_tokens=job["response_tokens"],
        prompt_bucket_tokens=job["prompt_tokens"],
      ),
      evaluation=EvaluationConfig(problems=0),
      output=OutputConfig(
        directory=job["output"], checkpoint_every_steps=0, tensorboard=False
      ),
      task={
        "name": f"{TASK}:problems",
        "path": job["problems"],
        "reward": job["reward"],
        "system": job["system"],
      },
      curriculum={"name": f"{TASK}:in_order"},
      advantage={"name": "group_norm"},
      loss={"name": "ppo_clip", "clip_low": 0.2, "clip_high": 0.2},
      regularizers=({"name": "kl_k3", "coefficient": job["beta"]},),
      reduction={"name": "sequence_mean"},
      optimizer={"name": "adamw"},
      schedule={"name": "constant", "learning_rate": job["learning_rate"]},
    )
  )


def generate(
  run: Any, variables: Any, job: dict[str, Any], key: Any, rules: Any
) -> Any:
  """Prompts, their lengths and the responses: what `collect` calls to sample."""
  problems = run.task.train[: job["prompts_per_step"]]
  return draw.respond(run, variables, problems, key, rules=rules, group=job["group"])


def rollouts(job: dict[str, Any]) -> Rollouts:
  """The job's batch as jaxrl lays it out: the response right behind its prompt."""
  data = np.load(job["batch"])
  prompts, lengths = data["prompts"], data["prompt_lengths"]
  responses, sizes = data["responses"], data["response_lengths"]
  rows, width = prompts.shape
  total = width + responses.shape[1]
  tokens, mask = np.zeros((rows, total), np.int32), np.zeros((rows, total), np.float32)
  noise = np.zeros((rows, total), np.float32)
  for i in range(rows):
    start, end = lengths[i], lengths[i] + sizes[i]
    tokens[i, :start] = prompts[i, :start]
    tokens[i, start:end] = responses[i, : sizes[i]]
    mask[i, start:end] = 1.0
    noise[i, start:end] = data["noise"][i, : sizes[i]]
  t = np.broadcast_to(np.arange(total), (rows, total))
  real = t < (lengths + sizes)[:, None]
  zeros, ones = np.zeros(rows, np.float32), np.ones(rows, np.float32)
  return jax.tree.map(
    jnp.asarray,
    Rollouts(
      tokens=tokens,
      positions=np.where(real, t, EMPTY).astype(np.int32),
      mask=mask,
      prompt_tokens=lengths.astype(np.int32),
      group=np.arange(rows, dtype=np.int32) // job["group"],
      truncated=(sizes == responses.shape[1]).astype(np.float32),
      logp_old=np.zeros_like(mask),
      logp_sampling=np.zeros_like(mask),
      score=zeros,
      formatted=ones,
      scored=ones,
      logp_ref=noise,
      advantages=data["advantages"][:, None] * mask,
    ),
  )


class Library:
  """One job at a time."""

  def versions(self) -> dict[str, str]:
    """Installed versions."""
    return {name: metadata.version(name) for name in ("jaxrl", "jax", "flax", "optax")}

  def load(self, job: dict[str, Any]) -> None:
    """Weights, reference, optimiser state and batch; nothing for the whole step."""
    if job["kind"] == "grpo":
      return
    self.run, self.state = build(config_of(job))
    self.variables = self.run.policy.variables(self.state.params, self.run.frozen)
    self.rules = dataclasses.replace(
      self.run.rules, stop_ids=tuple(job.get("stop_ids", ()))
    )
    if "batch" in job:
      self.batch = rollouts(job)
    if job["kind"] == "train":
      logp = self._reference_logp()
      # On policy: the ratio is 1. The reference is set off, so that its term acts.
      self.batch = dataclasses.replace(
        self.batch, logp_old=logp, logp_ref=logp + self.batch.logp_ref
      )

  def release(self) -> None:
    """Drops everything, compiled programs too."""
    for name in ("run", "state", "variables", "batch"):
      self.__dict__.pop(name, None)
    jax.clear_caches()

  def check(self, job: dict[str, Any]) -> dict[str, Any]:
    """Greedy tokens and log-probs of the batch's responses."""
    rules = dataclasses.replace(self.rules, greedy=True)
    prompts, lengths, greedy = generate(
      self.run, self.variables, job, jax.random.key(0), rules
    )
    asked = [
      row[:n].tolist()
      for row, n in zip(prompts, lengths, strict=True)
      for _ in range(job["group"])
    ]
    logp = np.asarray(self._reference_logp())
    mask = np.asarray(self.batch.mask) > 0
    rows = [row[kept].tolist() for row, kept in zip(logp, mask, strict=True)]
    tokens = np.asarray(greedy.tokens).tolist()
    return {"greedy": tokens, "prompt_ids": asked, "logps": rows}

  def sample(self, job: dict[str, Any], round_: int) -> dict[str, Any]:
    """Responses to every prompt of the job."""
    # Batches shrink as their rows end, in few but several shapes: the untimed calls
    # compile those that the timed ones meet, as the first steps of a run do.
    key = jax.random.key(round_ % WARM_UPS)
    _, _, out = generate(self.run, self.variables, job, key, self.rules)
    lengths = np.asarray(out.mask).sum(axis=1).astype(int)
    np.asarray(out.tokens)
    config = self.run.policy.decoder.config
    limit = limits.of_decoding(config, job, int(lengths.max()))
    return {"lengths": lengths.tolist(), "limit": limit}

  def logps(self, job: dict[str, Any], round_: int) -> dict[str, Any]:
    """Reference log-probs of the batch."""
    jax.block_until_ready(self._reference_logp())
    return {}

  def _reference_logp(self) -> jax.Array:
    return self.run.reference_logp(self.run.reference, self.run.packed(self.batch))

  def train(self, job: dict[str, Any], round_: int) -> dict[str, Any]:
    """One optimiser step."""
    batch = self.run.packed(self.batch)
    self.state, found = self.run.train_step(self.state, self.run.frozen, batch)
    jax.block_until_ready(self.state)
    config = self.run.policy.decoder.config
    real = np.asarray(self.batch.positions != EMPTY).sum(axis=1)
    limit = limits.of_training(config, real.tolist())
    return {"grad_norm": float(found["grad_norm"]), "limit": limit}

  def grpo(self, job: dict[str, Any], round_: int) -> dict[str, Any]:
    """A run of `fit` from the job's weights."""
    shutil.rmtree(job["output"], ignore_errors=True)
    stamps = load_file(pathlib.Path(TASK)).STAMPS
    stamps.clear()
    directory = loop.fit(config_of(job))
    rows = [r for r in read_jsonl(directory / METRICS) if r["kind"] == "train"]
    lengths = [row["length"] for row in rows]
    rewards = [row["reward"] for row in rows]
    return step_times(stamps, rewards, lengths)
