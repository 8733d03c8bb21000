"""Tunix's side: RLCluster and GRPOLearner, as its GRPO examples build them.

What was found in google-tunix 0.1.7 and is dealt with here, each time in its favour:
- The llama attention ignores the config's `rope_theta`: `apply_rope` runs with its
  default of 1e6. Replaced by one with the model's own number (`_mend_rope`).
- The sampler's cache has 1024 slots unless told: it gets exactly prompt + response.
- Padding is recognised by the token: a prompt that holds the pad token has holes. The
  model directories have a pad token that occurs in no prompt.
- The sampler keeps the first stop tokens it compiled with: a new cluster for each job.
- `rollout_config.seed` is one key for all rollouts of a run: a group differs in itself,
  two steps do not in their random numbers. Isolated jobs give each round its own.
- Its rollouts end before the stop token, which is therefore never trained. That makes
  its rows one token shorter; lengths here count the stop token.
- The default KL term ("kl") has no gradient in expectation; "low_var_kl" is what jaxrl
  and TRL compute, and is what it is set to.
"""

import functools
import json
import pathlib
import re
import time
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import safetensors
import transformers
from flax import nnx
from tunix.models.llama3 import model as llama
from tunix.models.llama3 import params as llama_params
from tunix.rl import common, rl_cluster
from tunix.rl.grpo import grpo_learner
from tunix.rl.rollout import base_rollout

from scripts.benchmark.steps import step_times
from scripts.benchmark.task import REWARDS

_apply_rope = llama.apply_rope


def _mend_rope(theta: float) -> None:
  llama.apply_rope = functools.partial(_apply_rope, rope_theta=theta)


def load_model(directory: str, mesh: Any) -> tuple[Any, list[str]]:
  """The model, and the names of weights that its loader had left wrong."""
  hf = json.loads((pathlib.Path(directory) / "config.json").read_text())
  config = llama.ModelConfig(
    num_layers=hf["num_hidden_layers"],
    vocab_size=hf["vocab_size"],
    embed_dim=hf["hidden_size"],
    hidden_dim=hf["intermediate_size"],
    num_heads=hf["num_attention_heads"],
    head_dim=hf["head_dim"],
    num_kv_heads=hf["num_key_value_heads"],
    rope_theta=hf["rope_theta"],
    norm_eps=hf["rms_norm_eps"],
    weight_tying=hf["tie_word_embeddings"],
  )
  _mend_rope(hf["rope_theta"])
  model = llama_params.create_model_from_safe_tensors(directory, config, mesh)
  state = nnx.state(model)
  flat = {".".join(map(str, path)): v for path, v in nnx.to_flat_state(state)}
  wrong = []
  for key, stored, transform in _stored(directory, config):
    if transform is not None:
      permute, shape = transform
      stored = stored.transpose(permute) if permute else stored
      stored = stored.reshape(shape) if shape else stored
    leaf = flat.pop(key)
    if not np.array_equal(np.asarray(leaf.value), stored):
      wrong.append(key)
      leaf.value = jax.device_put(jnp.asarray(stored), leaf.value.sharding)
  if flat:
    raise ValueError(f"weights that no tensor of the file fills: {sorted(flat)}")
  nnx.update(model, state)
  return model, wrong


def _stored(directory: str, config: Any) -> Iterator[tuple[str, np.ndarray, Any]]:
  """Each tensor of the file: its path in the model, itself, and how it is turned."""
  table = llama_params._get_key_and_transform_mapping(config)
  with safetensors.safe_open(f"{directory}/model.safetensors", "numpy") as file:
    for name in file.keys():  # noqa: SIM118
      for pattern, (key, transform) in table.items():
        if re.fullmatch(pattern, name):
          yield re.sub(pattern, key, name), file.get_tensor(name), transform


class Library:
  """One job at a time."""

  def versions(self) -> dict[str, str]:
    """Installed versions."""
    names = ("google-tunix", "jax", "flax", "optax", "qwix", "transformers")
    return {name: metadata.version(name) for name in names}

  def load(self, job: dict[str, Any]) -> None:
    """Actor, reference, optimiser state and batch; nothing for the whole step."""
    if job["kind"] == "grpo":
      return
    self._build(job, lambda **_: [])
    if "batch" in job:
      self._read_batch(job)
    if job["kind"] == "train":
      trainer = self.cluster.actor_trainer
      self.train_step, _ = trainer.jit_train_and_eval_step(cache_nnx_graph=True)
      noise = np.load(job["batch"])["noise"]
      self.example = common.TrainExample(
        prompt_ids=self.prompts,
        prompt_mask=self.prompts != self.pad,
        completion_ids=self.responses,
        completion_mask=self.responses != self.pad,
        ref_per_token_logps=self._logps() + jnp.asarray(noise),
        advantages=jnp.asarray(np.load(job["batch"])["advantages"]),
        # As with its default of one iteration a batch: those of the step itself.
        old_per_token_logps=None,
      )

  def _build(self, job: dict[str, Any], reward: Any) -> None:
    # Not jax.make_mesh: its axes are explicit by default, which this model is not for.
    devices = np.array(jax.devices()[:1]).reshape(1, 1)
    mesh = jax.sharding.Mesh(devices, ("fsdp", "tp"))
    actor, self.wrong = load_model(job["directory"], mesh)
    reference, _ = load_model(job["directory"], mesh)
    tokenizer = transformers.AutoTokenizer.from_pretrained(job["directory"])
    self.pad = tokenizer.pad_token_id
    optimizer = optax.chain(
      optax.clip_by_global_norm(job["max_grad_norm"]),
      optax.adamw(job["learning_rate"], b1=0.9, b2=0.999, weight_decay=0.0),
    )
    prompts = job["prompts_per_step"]
    roles = (
      rl_cluster.Role.ACTOR,
      rl_cluster.Role.REFERENCE,
      rl_cluster.Role.ROLLOUT,
    )
    config = rl_cluster.ClusterConfig(
      role_to_mesh=dict.fromkeys(roles, mesh),
      rollout_engine="vanilla",
      training_config=rl_cluster.RLTrainingConfig(
        actor_optimizer=optimizer,
        eval_every_n_steps=10**9,
        max_steps=job["steps"],
        mini_batch_size=prompts,
        train_micro_batch_size=prompts,
      ),
      rollout_config=base_rollout.RolloutConfig(
        max_tokens_to_generate=job["response_tokens"],
        max_prompt_length=job["prompt_tokens"],
        kv_cache_size=job["prompt_tokens"] + job["response_tokens"],
        temperature=1.0,
        top_p=1.0,
        top_k=None,
        eos_tokens=job.get("stop_ids"),
      ),
    )
    self.cluster = rl_cluster.RLCluster(
      actor=actor, reference=reference, tokenizer=tokenizer, cluster_config=config
    )
    self.learner = grpo_learner.GRPOLearner(
      rl_cluster=self.cluster,
      algo_config=grpo_learner.GRPOConfig(
        num_generations=job["group"],
        num_iterations=1,
        beta=job["beta"],
        epsilon=0.2,
        kl_loss_mode="low_var_kl",
      ),
      reward_fns=reward,
    )

  def _read_batch(self, job: dict[str, Any]) -> None:
    """Prompts padded on the left, responses on the right, as its rollouts are."""
    data = np.load(job["batch"])
    prompts = np.full(data["prompts"].shape, self.pad, np.int32)
    responses = np.full(data["responses"].shape, self.pad, np.int32)
    for i, (p, r) in enumerate(
      zip(data["prompt_lengths"], data["response_lengths"], strict=True)
    ):
      prompts[i, prompts.shape[1] - p :] = data["prompts"][i, :p]
      responses[i, :r] = data["responses"][i, :r]
    self.sizes = data["response_lengths"]
    self.prompts, self.responses = jnp.asarray(prompts), jnp.asarray(responses)

  def _logps(self) -> jax.Array:
    return self.cluster.get_ref_per_token_logps(
      prompt_tokens=self.prompts,
      completion_tokens=self.responses,
      pad_id=self.pad,
      eos_id=self.cluster.rollout.eos_id(),
    )

  def release(self) -> None:
    """Drops everything, compiled programs too."""
    for name in ("cluster", "learner", "train_step", "example", "prompts", "responses"):
      self.__dict__.pop(name, None)
    jax.clear_caches()

  def _generate(self, job: dict[str, Any], round_: int) -> Any:
    self.cluster.cluster_config.rollout_config.seed = round_
    prompts = [text for text in job["prompts"] for _ in range(job["group"])]
    return self.cluster.generate(prompts)

  def check(self, job: dict[str, Any]) -> dict[str, Any]:
    """Greedy tokens and log-probs of the batch's responses."""
    settings = self.cluster.cluster_config.rollout_config
    settings.top_p, settings.temperature = None, 0.0
    out = self._generate(job, 0)
    settings.top_p, settings.temperature = 1.0, 1.0
    logp = np.asarray(self._logps())
    return {
      "greedy": [row.tolist() for row in out.tokens],
      "prompt_ids": [
        [int(t) for t in row if t != self.pad] for row in out.left_padded_prompt_tokens
      ],
      "logps": [row[:n].tolist() for row, n in zip(logp, self.sizes, strict=True)],
      "wrong_weights": self.wrong,
    }

  def sample(self, job: dict[str, Any], round_: int) -> dict[str, Any]:
    """Responses to every prompt of the job, repeated as its trainer repeats them."""
    out = self._generate(job, round_)
    longest = job["response_tokens"]
    # Its rows end before the stop token; all others count it.
    return {"lengths": [min(len(row) + 1, longest) for row in out.tokens]}

  def logps(self, job: dict[str, Any], round_: int) -> dict[str, Any]:
    """Reference log-probs of the batch."""
    jax.block_until_ready(self._logps())
    return {}

  def train(self, job: dict[str, Any], round_: int) -> dict[str, Any]:
    """One optimiser step: the compiled function of its trainer."""
    _, _, norm = self.train_step(self.example)
    jax.block_until_ready(nnx.state(self.cluster.actor_trainer.model))
    return {"grad_norm": float(norm)}

  def grpo(self, job: dict[str, Any], round_: int) -> dict[str, Any]:
    """A run of `GRPOLearner.train` from the job's weights."""
    score = REWARDS[job["reward"]]
    starts: list[float] = []
    rewards: list[float] = []

    def reward(prompts, completions, answer, **_):
      scores = [score(c, str(a)) for c, a in zip(completions, answer, strict=True)]
      rewards.append(float(np.mean(scores)))
      return scores

    def batches():
      each = job["prompts_per_step"]
      for i in range(0, job["steps"] * each, each):
        starts.append(time.perf_counter())
        yield {
          "prompts": np.array(job["prompts"][i : i + each]),
          "answer": np.array(job["answers"][i : i + each]),
        }

    self._build(job, reward)
    self.learner.train(batches())
    result = step_times(starts, rewards, [])
    self.release()
    return result
